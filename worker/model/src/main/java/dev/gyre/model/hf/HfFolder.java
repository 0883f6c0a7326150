package dev.gyre.model.hf;

import dev.gyre.model.safetensors.ModelFiles;
import dev.gyre.model.safetensors.SafetensorsException;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.model.safetensors.TensorInfo;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The model of a Hugging Face folder, from its {@code config.json} and from the head in its
 * weights.
 *
 * <p>If the config ties the head to the embedding but the file holds a different head, the file's
 * head is used and the model is untied, as in transformers 5, with a warning. A copy of the
 * embedding is not a different head.
 *
 * @param warnings one line each, for the user
 */
public record HfFolder(ModelSpec model, List<String> warnings) {
  private static final String CONFIG = "config.json";

  /** Elements compared at a time. */
  private static final long CHUNK = 1 << 16;

  public HfFolder {
    warnings = List.copyOf(warnings);
  }

  /**
   * Weights need not be there yet: {@link HfWeights} requires them.
   *
   * @param tied whether the head shares the embedding's weights; null to leave it to the folder
   * @param rope keys of {@code rope_parameters} to put in place of the folder's, {@code type} and
   *     {@code theta} without their prefix; none to leave them
   * @throws Invalid naming the key of the config and what to do
   */
  public static HfFolder read(Path folder, @Nullable Boolean tied, Map<String, Object> rope)
      throws IOException {
    Path file = folder.resolve(CONFIG);
    HfConfig given = config(folder);
    HfConfig config = rope.isEmpty() ? given : given.withRope(rope);
    List<String> warnings = new ArrayList<>();
    if (!describe(config).equals(describe(given))) {
      warnings.add(
          "model.rope: %s in place of the model's %s".formatted(describe(config), describe(given)));
    }
    config.warnings().forEach(line -> warnings.add(file + ": " + line));
    boolean wanted = tied == null ? config.model().head().tied() : tied;
    try (ModelFiles files = ModelFiles.open(folder)) {
      files.notes().forEach(line -> warnings.add(folder + ": " + line));
      if (wanted && holdsAnotherHead(files)) {
        warnings.add(folder + ": " + anotherHead(tied != null));
        wanted = tied != null;
      }
    } catch (SafetensorsException notWhole) {
      // A plan needs no weights; training reports what is wrong with them.
      return new HfFolder(config.model().withTiedHead(wanted), warnings);
    }
    return new HfFolder(config.model().withTiedHead(wanted), warnings);
  }

  private static String describe(HfConfig config) {
    return config.model().rotations().stream()
        .map(rotation -> rotation.rope().describe())
        .distinct()
        .collect(Collectors.joining(", "));
  }

  /** The config of a folder, which must have one. */
  static HfConfig config(Path folder) throws IOException {
    Path file = folder.resolve(CONFIG);
    if (!Files.exists(file)) {
      throw new Invalid(
          "model.from", file + " is missing; name a folder with config.json and safetensors");
    }
    return HfConfig.read(file);
  }

  private static String anotherHead(boolean tiedByJob) {
    String both = HfNames.HEAD + " differs from " + HfNames.EMBEDDING;
    return tiedByJob
        ? both + "; it is not read, since the job sets model.tie_word_embeddings=true"
        : both
            + " though config.json says tie_word_embeddings: true. The file's head is kept, untied,"
            + " as in transformers 5; to share the embedding, set model.tie_word_embeddings=true";
  }

  private static boolean holdsAnotherHead(ModelFiles files) {
    if (!files.names().contains(HfNames.HEAD) || !files.names().contains(HfNames.EMBEDDING)) {
      return false;
    }
    SafetensorsReader headFile = files.holding(HfNames.HEAD);
    SafetensorsReader embeddingFile = files.holding(HfNames.EMBEDDING);
    TensorInfo head = headFile.info(HfNames.HEAD);
    TensorInfo embedding = embeddingFile.info(HfNames.EMBEDDING);
    if (!Arrays.equals(head.shape(), embedding.shape())) {
      return true;
    }
    if (head.dtype().equals(embedding.dtype())) {
      return headFile.bytes(head.name()).mismatch(embeddingFile.bytes(embedding.name())) >= 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment one = arena.allocate(ValueLayout.JAVA_FLOAT, CHUNK);
      MemorySegment other = arena.allocate(ValueLayout.JAVA_FLOAT, CHUNK);
      for (long from = 0; from < head.elements(); from += CHUNK) {
        long count = Math.min(CHUNK, head.elements() - from);
        headFile.readF32(head.name(), from, count, one);
        embeddingFile.readF32(embedding.name(), from, count, other);
        if (one.asSlice(0, count * Float.BYTES).mismatch(other.asSlice(0, count * Float.BYTES))
            >= 0) {
          return true;
        }
      }
      return false;
    }
  }
}
