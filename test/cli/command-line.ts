/** Node's arguments that start the command line in the project's folder; every test that does so takes them. */
export const commandLine: readonly string[] = ['--import', 'tsx', 'harness/cli/main.ts'];
