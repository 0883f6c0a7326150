package dev.gyre.deploy;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.launch.RunFolder;
import dev.gyre.deploy.launch.WorkerFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A few words from the model that was just trained, made by {@code gyre generate} in its own JVM.
 */
final class SampleText {
  private static final String PROMPT = "public ";
  private static final int TOKENS = 120;
  private static final int SECONDS = 60;

  private SampleText() {}

  static void print(RunFolder folder, Console console) throws IOException, InterruptedException {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(WorkerFlags.DEFAULT.jvm(0, folder.path()));
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    line.addAll(List.of("generate", folder.path().toString(), PROMPT, "--tokens", "" + TOKENS));
    Path said = Files.createTempFile("gyre-sample", ".txt");
    try {
      Process process =
          new ProcessBuilder(line)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .redirectOutput(said.toFile())
              .start();
      process.getOutputStream().close();
      console.busy("text   generating");
      boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
      }
      show(ended && process.exitValue() == 0, Files.readString(said), folder, console);
    } finally {
      Files.delete(said);
    }
  }

  private static void show(boolean well, String text, RunFolder folder, Console console) {
    if (well) {
      console.titled("text", '"' + visible(text.strip()) + '"');
    } else {
      console.titled("text", "none: ./gyre generate " + folder.name() + " says why");
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
