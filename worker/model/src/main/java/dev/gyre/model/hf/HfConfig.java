package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.GitLfsPointer;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Hugging Face {@code config.json} of a model of one of the {@link Families}.
 *
 * <p>Keys that change the computation and are not implemented are errors; see {@link HfKeys}.
 *
 * @param model the model it describes
 * @param balanceLoss {@code gyre_balance_loss_coef}, 0 without it
 * @param zLoss {@code gyre_z_loss_coef}, 0 without it
 * @param warnings one line each, for the user
 * @param source the whole object as read, kept for export
 */
public record HfConfig(
    ModelSpec model, double balanceLoss, double zLoss, List<String> warnings, ObjectNode source) {
  /** Before its keys in errors. */
  static final String FILE = "config.json: ";

  private static final String JOB_KEY = "model.";

  static final String NOT_LINEAR =
      "linear_attention is a layer of Gyre's own: no Hugging Face class has it, so such a model cannot"
          + " be read from or exported to a Hugging Face folder. Start it from initial weights, and"
          + " resume or generate from its checkpoints";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private static final String BYTE_ORDER_MARK = "\ufeff";

  public HfConfig {
    warnings = List.copyOf(warnings);
  }

  /**
   * @param file {@code config.json}; a byte order mark before the JSON is skipped
   * @throws Invalid naming the key and what to do
   */
  public static HfConfig read(Path file) throws IOException {
    String text;
    try {
      text = Files.readString(file);
    } catch (MalformedInputException e) {
      throw new Invalid(file.toString(), "is not UTF-8; download it again");
    }
    if (GitLfsPointer.matches(text.getBytes(StandardCharsets.UTF_8))) {
      throw new Invalid(file.toString(), GitLfsPointer.PROBLEM);
    }
    try {
      JsonNode root =
          JsonMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text);
      if (root instanceof ObjectNode object) {
        return parse(object);
      }
    } catch (JacksonException e) {
      throw new Invalid(file.toString(), "is not JSON: " + e.getOriginalMessage());
    }
    throw new Invalid(file.toString(), "is not a JSON object");
  }

  /** As {@link #read}, from the object itself. */
  public static HfConfig parse(ObjectNode root) {
    ConfigValues values = new ConfigValues(root);
    Family family = family(root);
    HfKeys.check(root, family);
    ModelSpec model = model(family, values);
    JsonNode auxiliary = root.path("router_aux_loss_coef");
    if (model.experts() > 0 && model.lossTerms().isEmpty()) {
      values.warn(
          "the router of %s adds no term to the loss, so train.balance-loss and train.z-loss have no"
                  .formatted(family.type())
              + " effect; the bias that it chooses experts with stays as loaded");
    } else if (model.experts() > 0 && auxiliary.asDouble(0) != 0) {
      values.warn(
          "router_aux_loss_coef "
              + auxiliary
              + " is not used: its balance loss pools layers and is not divided by the experts"
              + " per token; set train.balance-loss instead");
    }
    return new HfConfig(
        model,
        values.real(HfKeys.BALANCE_LOSS, 0),
        values.real(HfKeys.Z_LOSS, 0),
        values.warnings(),
        root);
  }

  /** What no model can have is told by the file's key, not by that of a job. */
  private static ModelSpec model(Family family, ConfigValues values) {
    try {
      return family.model(values);
    } catch (Invalid e) {
      throw e.key().startsWith(JOB_KEY)
          ? new Invalid(
              FILE + e.key().substring(JOB_KEY.length()).replace("rope.", "rope_parameters."),
              e.problem())
          : e;
    }
  }

  private static Family family(ObjectNode root) {
    if (!root.hasNonNull("model_type")) {
      throw invalid("model_type", "is missing");
    }
    return Families.of(root.path("model_type").asString(""));
  }

  /**
   * The same model with another rotary embedding.
   *
   * @param rope as for {@link HfFolder#read}
   * @throws Invalid naming the key of {@code model.rope} that cannot be
   */
  HfConfig withRope(Map<String, Object> rope) {
    ObjectNode changed = source.deepCopy();
    Family family = family(source);
    RopeKeys.write(changed, RopeKeys.changed(new ConfigValues(source), family, rope));
    return parse(changed);
  }

  /** The text of a {@code config.json}. */
  public String text() {
    return JSON.writeValueAsString(source) + "\n";
  }

  /** The class of Hugging Face's library that computes the model. */
  String architecture() {
    return family(source).architecture();
  }

  /** Where the tensors of its model lie in its folder. */
  public TensorMap tensors() {
    return tensors(model);
  }

  /**
   * As above, of its model with another head.
   *
   * @param of the model, tied or not
   */
  public TensorMap tensors(ModelSpec of) {
    return family(source).tensors(new ConfigValues(source), of);
  }

  /** Whether the family's class holds a tensor of the folder in F32 whatever the model's dtype. */
  public boolean keepsF32(String tensor) {
    return family(source).keepsF32(tensor);
  }

  /**
   * Whether the family's class keeps the documents of a packed row apart. If not, what it computes
   * of such a row is another function than Gyre's.
   */
  public boolean separatesDocuments() {
    return family(source).separatesDocuments();
  }

  /** Whether a tensor that the model does not need may be in the folder. */
  boolean ignores(String tensor) {
    return family(source).ignores(model, tensor);
  }

  static Invalid invalid(String key, String problem) {
    return new Invalid(FILE + key, problem);
  }
}
