/** What a command says: lines for people, one value for `--json`. */
export type CommandResult = { readonly lines: readonly string[]; readonly json: unknown };
