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
 * The {@code gyre} command in a JVM of its own, started as the launcher script does, in a folder of
 * the test. Closing kills it and its workers, if any are left.
 */
final class Gyre implements AutoCloseable {
  /** Far above what any command of these tests takes, on a machine that does much else. */
  static final Duration LIMIT = Duration.ofMinutes(4);

  /** This process's, but without libtorch: every worker would load it to ask what it can do. */
  private static final String CLASS_PATH =
      Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
          .filter(entry -> !entry.contains("kernels-torch"))
          .collect(Collectors.joining(File.pathSeparator));

  private static final long SIGINT_BIT = 1L << 1;

  /**
   * How a command ended.
   *
   * @param output standard output and error, as they came
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
   * @param before what the JVM is started by, such as {@code unshare}
   */
  static Gyre start(Path folder, List<String> before, List<String> arguments) throws IOException {
    return start(folder, before, CLASS_PATH, arguments);
  }

  /** What it prints goes into a file or pipe, and not to this test. */
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
      // A build in the background hands an ignored SIGINT down, which no shell can undo.
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

  /** With libtorch on the class path, as the launcher script has it for {@code backend: torch}. */
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

  /** Waits until the output holds the pattern; returns its last match there. */
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

  /** All processes below the command's own. */
  List<ProcessHandle> workers() {
    return process.descendants().toList();
  }

  /** What Ctrl-C sends. */
  void interrupt() throws IOException, InterruptedException {
    signal("INT");
  }

  /** To the command alone. */
  void signal(String name) throws IOException, InterruptedException {
    kill(name, process.pid());
  }

  /** To the command, which leads its process group ({@code setsid}), and its workers. */
  void signalGroup(String name) throws IOException, InterruptedException {
    kill(name, -process.pid());
  }

  static void kill(String name, long pid) throws IOException, InterruptedException {
    int exit = new ProcessBuilder("kill", "-" + name, "--", Long.toString(pid)).start().waitFor();
    if (exit != 0) {
      throw new IOException("kill -" + name + " " + pid + " ended with " + exit);
    }
  }

  /** {@code kill -9} of the command alone. */
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
