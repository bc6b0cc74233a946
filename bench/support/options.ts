/** Values of `--name value` on a command line. */
export function optionsOf(flags: readonly string[]): (flag: string, fallback: string) => string {
  return (flag, fallback) => {
    const at = flags.indexOf(flag);
    return at < 0 ? fallback : (flags[at + 1] as string);
  };
}
