import { installNativeBackend } from "../../src/native/install.ts";

// Chains of some hundred signatures are made and checked: seconds with the portable code alone.
await installNativeBackend();
