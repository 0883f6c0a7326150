package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a language with its own digits, files, their names and messages have ASCII digits only. */
final class OtherDigitsTest {
  private static final Pattern OTHER_DIGIT = Pattern.compile("(?![0-9])\\p{Nd}");
  private static final List<String> TEXTS =
      List.of(".json", ".jsonl", ".txt", ".log", ".svg", ".yaml");

  @TempDir Path folder;

  @Test
  void noneOfThemIsWritten() throws Exception {
    Workplace place = Workplace.in(folder);
    List<String> persian = List.of("env", "JAVA_TOOL_OPTIONS=-Duser.language=fa -Duser.country=IR");
    check(persian, place.arguments("--ring", "2", "--trace", "--set", "train.steps=3"));
    check(persian, List.of("plan", "job.yaml", "--ring", "2", "--svg", "plan.svg"));
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        assertFalse(OTHER_DIGIT.matcher(file.toString()).find(), file.toString());
        if (TEXTS.stream().anyMatch(file.toString()::endsWith)) {
          String text = Files.readString(file, StandardCharsets.UTF_8);
          assertFalse(OTHER_DIGIT.matcher(text).find(), () -> file + ":\n" + text);
        }
      }
    }
  }

  private void check(List<String> before, List<String> arguments) throws Exception {
    try (Gyre gyre = Gyre.start(folder, before, arguments)) {
      Gyre.Ended ended = gyre.await();
      assertEquals(0, ended.exit(), ended.output());
      assertFalse(OTHER_DIGIT.matcher(ended.output()).find(), ended.output());
    }
  }
}
