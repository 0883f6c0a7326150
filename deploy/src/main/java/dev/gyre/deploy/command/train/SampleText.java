package dev.gyre.deploy.command.train;

import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.launch.ProcessRole;
import dev.gyre.deploy.launch.WorkerFlags;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A few words from the model that was just trained, made by {@code gyre generate} in its own JVM.
 * Its output comes through a pipe: there may be no folder to write to.
 */
final class SampleText {
  /** {@code dev.gyre.deploy} knows this package, so this package knows it by name only. */
  static final String MAIN_CLASS = "dev.gyre.deploy.Main";

  private static final String PROMPT = "public ";
  private static final int TOKENS = 120;
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** More than any tokenizer makes of so many tokens; a child that says more is not waited for. */
  private static final int MOST_BYTES = 1 << 20;

  private SampleText() {}

  /**
   * The text in quotes.
   *
   * @throws IOException if the child cannot be started, fails, or takes too long; says why
   */
  static String of(RunFolder folder) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(WorkerFlags.DEFAULT.jvm(ProcessRole.LAUNCHER, folder.name(), 0, folder.path()));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN_CLASS));
    command.addAll(List.of("generate", folder.path().toString(), PROMPT, "--tokens", "" + TOKENS));
    return run(command, TIMEOUT, "./gyre generate " + folder.name());
  }

  /**
   * @param hint the command that shows the reason of a failure
   */
  static String run(List<String> command, Duration timeout, String hint)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try {
      process.getOutputStream().close();
      CompletableFuture<byte[]> said = new CompletableFuture<>();
      Thread.startVirtualThread(() -> read(process.getInputStream(), said));
      if (!process.waitFor(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new IOException("it took more than " + timeout.toSeconds() + " s");
      }
      if (process.exitValue() != 0) {
        throw new IOException(
            "it ended with exit code %d; %s shows why".formatted(process.exitValue(), hint));
      }
      // Malformed input becomes U+FFFD: a model may write anything.
      String text = new String(said.join(), StandardCharsets.UTF_8);
      return '"' + visible(text.strip()) + '"';
    } finally {
      process.destroyForcibly();
    }
  }

  private static void read(InputStream from, CompletableFuture<byte[]> said) {
    try {
      said.complete(from.readNBytes(MOST_BYTES));
    } catch (IOException e) {
      said.complete(new byte[0]); // the child was killed; its exit code says so
    }
  }

  /** In one line; what would move the cursor, or worse, stands as an escape. */
  static String visible(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\n' -> out.append("\\n");
        case '\t' -> out.append("\\t");
        default -> out.append(Character.isISOControl(c) ? '\u00b7' : c);
      }
    }
    return out.toString();
  }
}
