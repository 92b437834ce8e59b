/* commands: the entry point of each `kmc COMMAND`; argv[0] is the command's name, the return value the exit code. */
#ifndef KMC_COMMANDS_H
#define KMC_COMMANDS_H

int cmd_run(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_study(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_voltage(int argc, char **argv);
int cmd_diffuse(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_divergence(int argc, char **argv);
int cmd_defaults(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_selftest(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_info(int argc, char **argv);

#endif
