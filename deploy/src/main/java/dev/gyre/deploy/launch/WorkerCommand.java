package dev.gyre.deploy.launch;

import dev.gyre.comms.control.JoinToken;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.trainer.worker.CoreShare;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The command of a worker process.
 *
 * @param java the java executable
 * @param arguments of the main class; {@code {rank}} is replaced by the worker's rank, {@code
 *     {attempt}} by the number of its start
 * @param cores cores that each worker is pinned to
 * @param environment variables in addition to those of the flags; secrets are in files named here,
 *     never in arguments
 */
public record WorkerCommand(
    Path java,
    String classPath,
    String mainClass,
    List<String> arguments,
    WorkerFlags flags,
    CoreShares cores,
    Map<String, String> environment) {
  /** Placeholder for the worker's rank in arguments. */
  public static final String RANK = "{rank}";

  /** Placeholder for the number of the start in arguments: 1, or 2 for a restarted process. */
  public static final String ATTEMPT = "{attempt}";

  /**
   * Ctrl-C and a closed terminal send signals to every process in the foreground group. Signals
   * that a shell ignores before exec stay ignored, so only the launcher handles them. SIGTERM is
   * not ignored, because a worker reports it. Core files are disabled, because they would be as
   * large as the worker's tensors. (The JVM's own flag for that would turn the crash into exit code
   * 1.)
   *
   * <p>The distribution's lock, if there is one, stays open through exec. So its files are not
   * deleted while the worker runs, even if the launcher has ended.
   */
  private static final String IGNORE_THEN_EXEC =
      "trap '' INT HUP; ulimit -c 0;"
          + " if [ -r \"$0\" ]; then exec 9<\"$0\"; flock -s 9 2>/dev/null; fi;"
          + " exec \"$@\"";

  private static final String NO_LOCK = "gyre-worker";

  public WorkerCommand {
    arguments = List.copyOf(arguments);
    environment = Map.copyOf(environment);
  }

  /** The same JVM and class path as this process. */
  public static WorkerCommand ofThisJvm(String mainClass, List<String> arguments) {
    return new WorkerCommand(
        Path.of(System.getProperty("java.home"), "bin", "java"),
        System.getProperty("java.class.path"),
        mainClass,
        arguments,
        WorkerFlags.DEFAULT,
        CoreShares.NONE,
        Map.of());
  }

  public WorkerCommand withFlags(WorkerFlags newFlags) {
    return new WorkerCommand(java, classPath, mainClass, arguments, newFlags, cores, environment);
  }

  public WorkerCommand withCores(CoreShares newCores) {
    return new WorkerCommand(java, classPath, mainClass, arguments, flags, newCores, environment);
  }

  /** The same command with the file that holds the worker's token. */
  public WorkerCommand withTokenFile(Path file) {
    return new WorkerCommand(
        java,
        classPath,
        mainClass,
        arguments,
        flags,
        cores,
        Map.of(JoinToken.FILE_VARIABLE, file.toAbsolutePath().toString()));
  }

  /** The process's command line. */
  List<String> line(int rank, int attempt, RunFolder folder) {
    List<String> line = new ArrayList<>(List.of("/bin/sh", "-c", IGNORE_THEN_EXEC));
    Path lock = Distribution.currentLock();
    line.add(lock == null ? NO_LOCK : lock.toString());
    line.add(java.toString());
    line.addAll(flags.jvm(ProcessRole.WORKER, folder.name(), rank, folder.path()));
    if (!cores.ofRank().isEmpty()) {
      line.add("-D" + CoreShare.PROPERTY + "=" + joined(cores.ofRank().get(rank)));
    }
    line.addAll(List.of("-cp", classPath, mainClass));
    for (String argument : arguments) {
      line.add(
          argument
              .replace(RANK, Integer.toString(rank))
              .replace(ATTEMPT, Integer.toString(attempt)));
    }
    return line;
  }

  private static String joined(List<Integer> cores) {
    return cores.stream().map(String::valueOf).collect(Collectors.joining(","));
  }
}
