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
 * What a worker process runs.
 *
 * @param java the java executable
 * @param arguments of the main class; {@code {rank}} in them stands for the worker's rank, {@code
 *     {attempt}} for how often it has been started
 * @param cores which cores each worker keeps to
 * @param environment variables beside those of the flags: secrets go by files named here, never by
 *     argument
 */
public record WorkerCommand(
    Path java,
    String classPath,
    String mainClass,
    List<String> arguments,
    WorkerFlags flags,
    CoreShares cores,
    Map<String, String> environment) {
  /** Stands for the worker's rank in arguments. */
  public static final String RANK = "{rank}";

  /** Stands for 1, or 2 in a process that replaces another, in arguments. */
  public static final String ATTEMPT = "{attempt}";

  /**
   * Ctrl-C reaches every process in the terminal's foreground group, and closing the terminal too.
   * What a shell ignores before exec stays ignored: only the launcher hears them. SIGTERM is not
   * ignored: a worker reports it. And no core files: a worker's is as large as its tensors. (The
   * JVM's own flag against them would hide the crash behind exit code 1.)
   *
   * <p>The distribution's lock, if it has one, stays open through exec: its files are not removed
   * while the worker lives, even without its launcher.
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

  /** With a file whose secret the worker needs. */
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
