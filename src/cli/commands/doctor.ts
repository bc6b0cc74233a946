import { ConfigError } from "../../config/errors.ts";
import type { Finding } from "../../node/doctor.ts";
import type { Command } from "../command.ts";

const help = `Usage: loginchain doctor [--json] [options]

Says what is wrong with a node and what to do about it: configuration, data directory, permissions, disk, open files,
database, clock, publisher, ports, peers. Give it the flags, FIBER_TOML and GENESIS of the node. Changes nothing; of a
node that runs it asks the API instead of looking into its database.

Options:
  --json               one object a line
  --data-dir DIR, and every other flag of "loginchain daemon"

Exit code: 0 when nothing is wrong (warnings do not count), 1 when something is, 2 for a command line it does not understand.`;

export const doctor: Command = {
  summary: "what is wrong with a node, and what to do about it",
  help,
  async run(args, { env, cwd, stdout }) {
    const isJson = args.some((arg) => /^--?json$/.test(arg));
    const flags = args.filter((arg) => !/^--?json$/.test(arg));
    let failed = 0;
    const show = (finding: Finding): void => {
      if (finding.level === "fail") failed++;
      stdout.write(isJson ? `${JSON.stringify(finding)}\n` : lines(finding));
    };
    try {
      for await (const finding of examine(flags, { env, cwd })) show(finding);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const remedy = "Correct the flag, the variable or the file it names.";
      show({ check: "configuration", level: "fail", text: error.message, remedy });
    }
    if (!isJson) stdout.write(failed === 0 ? "nothing is wrong\n" : `${failed} wrong\n`);
    return failed === 0 ? 0 : 1;
  },
};

async function* examine(
  flags: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string | undefined>>; readonly cwd: string },
): AsyncGenerator<Finding> {
  const { loadDaemonConfig } = await import("../../config/config.ts");
  const { diagnose, systemDoctorDeps } = await import("../../node/doctor.ts");
  const config = await loadDaemonConfig({ argv: flags, env, cwd });
  yield* diagnose(config, systemDoctorDeps({ secretFiles: env.GENESIS ? [env.GENESIS] : [] }));
}

function lines({ check, level, text, remedy }: Finding): string {
  const first = `${level.padEnd(5)}${check}: ${text}\n`;
  return remedy === undefined ? first : `${first}     ${remedy}\n`;
}
