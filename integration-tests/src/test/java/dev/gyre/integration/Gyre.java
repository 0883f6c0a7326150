package dev.gyre.integration;

import dev.gyre.deploy.launch.JvmArguments;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The {@code gyre} command in its own JVM, started as the launcher script does, in a folder of the
 * test. Closing kills it and its workers, if any are left.
 */
final class Gyre implements AutoCloseable {
  /** Far more than any command of these tests takes, even on a busy machine. */
  static final Duration LIMIT = Duration.ofMinutes(4);

  /** This process's class path without libtorch, which every worker would load to probe it. */
  private static final String CLASS_PATH =
      Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
          .filter(entry -> !entry.contains("kernels-torch"))
          .collect(Collectors.joining(File.pathSeparator));

  private static final long SIGINT_BIT = 1L << 1;

  /**
   * How a command ended.
   *
   * @param output standard output and error, interleaved
   */
  record Ended(int exit, String output) {}

  private final Process process;
  private final Thread reader;
  private final StringBuilder output = new StringBuilder();
  private boolean outputEnded;

  private Gyre(Process process) {
    this.process = process;
    this.reader = Thread.ofVirtual().start(this::read);
  }

  static Gyre start(Path folder, List<String> arguments) throws IOException {
    return start(folder, List.of(), arguments);
  }

  /**
   * @param before command that starts the JVM, such as {@code unshare}
   */
  static Gyre start(Path folder, List<String> before, List<String> arguments) throws IOException {
    return start(folder, before, CLASS_PATH, arguments);
  }

  /** Redirects the command's output to a file or pipe. */
  static Gyre startInto(Path folder, Path output, List<String> arguments) throws IOException {
    return of(
        new ProcessBuilder(line(List.of(), CLASS_PATH, arguments))
            .directory(folder.toFile())
            .redirectOutput(output.toFile()));
  }

  /**
   * @param classPath of the command and its workers
   */
  static Gyre start(Path folder, List<String> before, String classPath, List<String> arguments)
      throws IOException {
    return of(new ProcessBuilder(line(before, classPath, arguments)).directory(folder.toFile()));
  }

  private static List<String> line(List<String> before, String classPath, List<String> arguments)
      throws IOException {
    List<String> line = new ArrayList<>(before);
    if (interruptIgnored()) {
      // A build in the background passes an ignored SIGINT on, and a shell cannot reset it.
      line.addAll(List.of("env", "--default-signal=INT"));
    }
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(JvmArguments.common());
    line.addAll(List.of("-Xmx512m", "-cp", classPath, "dev.gyre.deploy.Main"));
    line.addAll(arguments);
    return line;
  }

  /** A process that is, or becomes, the command. */
  static Gyre of(ProcessBuilder builder) throws IOException {
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    return new Gyre(process);
  }

  /** Runs a command to its end. */
  static Ended run(Path folder, String... arguments) throws Exception {
    return run(folder, List.of(arguments));
  }

  static Ended run(Path folder, List<String> arguments) throws Exception {
    try (Gyre gyre = start(folder, arguments)) {
      return gyre.await();
    }
  }

  /**
   * Runs with libtorch on the class path, as the launcher script does for {@code backend: torch}.
   */
  static Ended runWithLibtorch(Path folder, List<String> before, List<String> arguments)
      throws Exception {
    String classPath = System.getProperty("java.class.path");
    try (Gyre gyre = start(folder, before, classPath, arguments)) {
      return gyre.await();
    }
  }

  static boolean interruptIgnored() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.isReadable(status)) {
      return false;
    }
    Matcher ignored = Pattern.compile("SigIgn:\\s*([0-9a-f]+)").matcher(Files.readString(status));
    return ignored.find() && (Long.parseUnsignedLong(ignored.group(1), 16) & SIGINT_BIT) != 0;
  }

  private void read() {
    try (BufferedReader in =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        synchronized (output) {
          output.append(line).append('\n');
          output.notifyAll();
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      synchronized (output) {
        outputEnded = true;
        output.notifyAll();
      }
    }
  }

  /** Waits until the output contains the pattern; returns the first match. */
  Matcher awaitOutput(String regex) throws InterruptedException, TimeoutException {
    Pattern pattern = Pattern.compile(regex, Pattern.MULTILINE);
    long deadline = System.nanoTime() + LIMIT.toNanos();
    synchronized (output) {
      while (true) {
        Matcher matcher = pattern.matcher(output.toString());
        if (matcher.find()) {
          return matcher;
        }
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (outputEnded || left <= 0) {
          throw new TimeoutException("'" + regex + "' is not in\n" + output);
        }
        output.wait(left);
      }
    }
  }

  Ended await() throws InterruptedException, TimeoutException {
    if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
      throw new TimeoutException("still running after " + LIMIT + ":\n" + text());
    }
    reader.join(LIMIT);
    return new Ended(process.exitValue(), text());
  }

  private String text() {
    synchronized (output) {
      return output.toString();
    }
  }

  ProcessHandle process() {
    return process.toHandle();
  }

  /** All descendants of the command's process. */
  List<ProcessHandle> workers() {
    return process.descendants().toList();
  }

  /** Sends what Ctrl-C sends. */
  void interrupt() throws IOException, InterruptedException {
    signal("INT");
  }

  /** Sends a signal to the command only. */
  void signal(String name) throws IOException, InterruptedException {
    kill(name, process.pid());
  }

  /** Sends a signal to the command's process group ({@code setsid}), which includes its workers. */
  void signalGroup(String name) throws IOException, InterruptedException {
    kill(name, -process.pid());
  }

  static void kill(String name, long pid) throws IOException, InterruptedException {
    int exit = new ProcessBuilder("kill", "-" + name, "--", Long.toString(pid)).start().waitFor();
    if (exit != 0) {
      throw new IOException("kill -" + name + " " + pid + " ended with " + exit);
    }
  }

  /** {@code kill -9} of the command only. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  @Override
  public void close() {
    List<ProcessHandle> left = workers();
    process.destroyForcibly();
    left.forEach(ProcessHandle::destroyForcibly);
  }
}
