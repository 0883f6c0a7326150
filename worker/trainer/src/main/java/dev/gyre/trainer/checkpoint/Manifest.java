package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.json.FormerModel;
import dev.gyre.trainer.json.ModelTypes;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
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
  static final int FORMAT = 2;

  /**
   * The format in which models are flat, and tensors have the names of {@link
   * dev.gyre.model.hf.HfNames}.
   */
  static final int FLAT_MODEL = 1;

  private static final String SKIPPED = "skipped";
  private static final String CHECK = "check";

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .addModule(ModelTypes.module())
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
    return Records.with(this, Map.of("files", newFiles, "check", newCheck));
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
    try {
      if (!(JSON.readTree(json) instanceof ObjectNode tree)) {
        throw new CheckpointException(from + " cannot be read: it is not a JSON object");
      }
      int format = tree.path("format").asInt(FORMAT);
      if (format != FORMAT && format != FLAT_MODEL) {
        throw new UnknownFormatException(from, format, FLAT_MODEL + " and " + FORMAT);
      }
      if (!Digests.sha256(unchecked(tree)).equals(tree.path(CHECK).asString(""))) {
        throw new CheckpointException(from + " is damaged: its checksum differs from its values");
      }
      if (!tree.has(SKIPPED)) {
        tree.put(SKIPPED, 0);
      }
      boolean former = format == FLAT_MODEL;
      if (former) {
        tree.set("model", JSON.valueToTree(FormerModel.read(tree.path("model"))));
      }
      former |= FormerModel.complete(tree.path("model"));
      Manifest manifest = JSON.treeToValue(tree, Manifest.class);
      return former
          ? Records.with(manifest, Map.of("identity", manifest.identity.withModel(manifest.model)))
          : manifest;
    } catch (JacksonException | Invalid e) {
      String problem =
          e instanceof JacksonException syntax ? syntax.getOriginalMessage() : e.getMessage();
      throw new CheckpointException(from + " cannot be read: " + problem, e);
    }
  }

  /** The text whose checksum a manifest carries. */
  private static String unchecked(ObjectNode tree) {
    return JSON.writeValueAsString(tree.deepCopy().put(CHECK, ""));
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
