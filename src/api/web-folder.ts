/**
 * Where the build puts what browsers load (scripts/pages.mjs). Files beside the code are named from the folder above:
 * in the bundled program all code is in one folder of dist/.
 */
export const WEB_FOLDER = new URL("../web/", import.meta.url);
