package dev.gyre.model.hf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The files of a Hugging Face folder that belong to its weights: tokenizer, and text generation.
 */
public final class HfCompanions {
  private static final Pattern NAMES =
      Pattern.compile(
          "tokenizer.*|tekken\\.json|spiece\\.model|vocab\\..*|merges\\.txt|added_tokens\\.json"
              + "|special_tokens_map\\.json|chat_template\\..*|.*\\.jinja|generation_config\\.json");

  private HfCompanions() {}

  /** Those that a folder holds, in the order of their names; none if there is no such folder. */
  public static List<Path> in(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files
          .filter(file -> NAMES.matcher(String.valueOf(file.getFileName())).matches())
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }
}
