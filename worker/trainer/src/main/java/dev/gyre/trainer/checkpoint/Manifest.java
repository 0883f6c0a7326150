package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.ModelSpec;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Everything about a checkpoint except its tensors.
 *
 * @param format version of this record
 * @param step steps that are done
 * @param skipped of them, whose update was left out because something was not finite; 0 is not
 *     written, so that manifests from before this value read the same
 * @param seed seed of every random choice, together with the step
 * @param dataCursor rows of the training data that are done
 * @param identity compared with a resumed run's identity
 * @param model what is trained
 * @param sourceConfig {@code config.json} of the model this run started from, or empty; its other
 *     keys are kept on export
 * @param plan the plan's JSON, exactly
 * @param planSha256 of {@code plan}
 * @param files of all ranks; empty until all have written
 * @param check SHA-256 of all the other values
 */
public record Manifest(
    int format,
    long step,
    long skipped,
    long seed,
    long dataCursor,
    RunIdentity identity,
    ModelSpec model,
    String sourceConfig,
    String plan,
    String planSha256,
    List<FileEntry> files,
    String check) {
  public static final String FILE = "manifest.json";
  static final int FORMAT = 1;
  private static final String SKIPPED = "skipped";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  public Manifest {
    files = List.copyOf(files);
  }

  /** Rank 0's manifest of a step, before the files are known. */
  public static Manifest of(
      long step,
      long skipped,
      long seed,
      long dataCursor,
      RunIdentity identity,
      ModelSpec model,
      String sourceConfig,
      String plan) {
    return new Manifest(
            FORMAT,
            step,
            skipped,
            seed,
            dataCursor,
            identity,
            model,
            sourceConfig,
            plan,
            Digests.sha256(plan),
            List.of(),
            "")
        .checked();
  }

  public Manifest withFiles(List<FileEntry> written) {
    return with(written, "").checked();
  }

  private Manifest checked() {
    return with(files, Digests.sha256(with(files, "").toJson()));
  }

  private Manifest with(List<FileEntry> newFiles, String newCheck) {
    return new Manifest(
        format,
        step,
        skipped,
        seed,
        dataCursor,
        identity,
        model,
        sourceConfig,
        plan,
        planSha256,
        newFiles,
        newCheck);
  }

  public String toJson() {
    ObjectNode tree = JSON.valueToTree(this);
    if (skipped == 0) {
      tree.remove(SKIPPED);
    }
    return JSON.writeValueAsString(tree);
  }

  /**
   * @param from where the text is from, for messages
   * @throws CheckpointException if it is not a manifest, or its checksum differs
   * @throws UnknownFormatException if another build wrote it, in another format
   */
  public static Manifest parse(String json, String from)
      throws CheckpointException, UnknownFormatException {
    Manifest manifest;
    try {
      JsonNode tree = JSON.readTree(json);
      int format = tree.path("format").asInt(FORMAT);
      if (format != FORMAT) {
        throw new UnknownFormatException(from, format, FORMAT);
      }
      if (tree instanceof ObjectNode object && !object.has(SKIPPED)) {
        object.put(SKIPPED, 0);
      }
      manifest = JSON.treeToValue(tree, Manifest.class);
    } catch (JacksonException e) {
      throw new CheckpointException(from + " cannot be read: " + e.getOriginalMessage(), e);
    }
    if (!manifest.checked().check.equals(manifest.check)) {
      throw new CheckpointException(from + " is damaged: its checksum differs from its values");
    }
    return manifest;
  }

  /**
   * @throws CheckpointException if the folder has none, or it is damaged
   * @throws NoSuchFileException if there is no such folder
   */
  public static Manifest read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    String json;
    try {
      json = Files.readString(file);
    } catch (NoSuchFileException e) {
      if (Files.notExists(folder)) {
        throw new NoSuchFileException(folder.toString());
      }
      throw new CheckpointException(file + " is missing: not a complete checkpoint", e);
    } catch (CharacterCodingException e) {
      throw new CheckpointException(file + " is damaged: not UTF-8", e);
    }
    return parse(json, file.toString());
  }
}
