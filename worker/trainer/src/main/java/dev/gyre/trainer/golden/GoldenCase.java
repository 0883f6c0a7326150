package dev.gyre.trainer.golden;

import dev.gyre.model.Objective;
import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.TensorMap;
import dev.gyre.model.safetensors.SafetensorsReader;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A golden folder: {@code config.json}, weights in one file or shards, {@code batch.safetensors}
 * (input_ids, labels, position_ids, document_ids: I64 [T], or [B,T] for B rows), {@code
 * expected.safetensors} (loss, ce, logits, router.LAYER, grad.NAME) and optionally {@code
 * curve.json} with the losses of 20 AdamW steps.
 *
 * @param rows of the batch
 * @param gradients expected, by weight name, in canonical order
 * @param logits expected, {@code [row][token · vocabulary]}
 * @param choices expected, {@code [layer][row][token · experts per token]}, best first
 * @param curve expected losses of the steps; empty if the case has none
 */
public record GoldenCase(
    String name,
    Path folder,
    ModelSpec model,
    Objective objective,
    List<Row> rows,
    double loss,
    double crossEntropy,
    Map<String, float[]> gradients,
    float[][] logits,
    int[][][] choices,
    List<Double> curve) {

  /**
   * One row of the batch.
   *
   * @param documents inside which its tokens attend
   * @param labels −100 for none
   * @param positions by which its tokens are rotated
   */
  public record Row(Documents documents, int[] tokens, int[] labels, int[] positions) {}

  /** Tokens of the batch. */
  public long tokens() {
    long n = 0;
    for (Row row : rows) {
      n += row.tokens.length;
    }
    return n;
  }

  /** Tokens with a label. */
  public long labelled() {
    long n = 0;
    for (Row row : rows) {
      for (int label : row.labels) {
        n += label >= 0 ? 1 : 0;
      }
    }
    return n;
  }

  /**
   * @throws Invalid naming the fault of the folder
   */
  public static GoldenCase load(Path folder) throws IOException {
    for (String file : List.of("config.json", "batch.safetensors", "expected.safetensors")) {
      require(
          Files.exists(folder.resolve(file)),
          folder.toString(),
          "is not a golden folder: it has no " + file);
    }
    HfConfig config = HfConfig.read(folder.resolve("config.json"));
    List<Row> rows;
    try (SafetensorsReader batch = SafetensorsReader.open(folder.resolve("batch.safetensors"))) {
      rows = rows(batch, config.separatesDocuments());
    }
    try (SafetensorsReader expected =
        SafetensorsReader.open(folder.resolve("expected.safetensors"))) {
      return new GoldenCase(
          String.valueOf(folder.getFileName()),
          folder,
          config.model(),
          Objective.of(config.balanceLoss(), config.zLoss()),
          rows,
          expected.readDoubles("loss")[0],
          expected.readDoubles("ce")[0],
          gradients(expected, config),
          logits(expected, rows, config.model()),
          choices(expected, rows, config.model()),
          curve(folder.resolve("curve.json")));
    }
  }

  private static void require(boolean holds, String file, String problem) {
    if (!holds) {
      throw new Invalid(file, problem);
    }
  }

  /**
   * @param separated whether the reference's tokens attend inside their document, not over the row
   */
  private static List<Row> rows(SafetensorsReader batch, boolean separated) {
    long[] shape = batch.info("input_ids").shape();
    int count = shape.length == 1 ? 1 : (int) shape[0];
    int tokens = (int) shape[shape.length - 1];
    long[] ids = batch.readLongs("input_ids");
    long[] labels = batch.readLongs("labels");
    long[] positions = batch.readLongs("position_ids");
    long[] documents = batch.readLongs("document_ids");
    List<Row> rows = new ArrayList<>();
    for (int b = 0; b < count; b++) {
      int from = b * tokens;
      List<Integer> lengths = new ArrayList<>();
      int[] rowIds = new int[tokens];
      int[] rowLabels = new int[tokens];
      int[] rowPositions = new int[tokens];
      for (int t = 0; t < tokens; t++) {
        rowIds[t] = (int) ids[from + t];
        rowLabels[t] = (int) labels[from + t];
        if (t == 0 || documents[from + t] != documents[from + t - 1]) {
          lengths.add(0);
        }
        int place = lengths.getLast();
        rowPositions[t] = place;
        require(
            positions[from + t] == place,
            batch.file().toString(),
            "position_ids at row %d, token %d is %d, not the place %d in its document"
                .formatted(b, t, positions[from + t], place));
        lengths.set(lengths.size() - 1, place + 1);
      }
      Documents row =
          separated
              ? new Documents(lengths.stream().mapToInt(Integer::intValue).toArray())
              : new Documents(tokens);
      rows.add(new Row(row, rowIds, rowLabels, rowPositions));
    }
    return rows;
  }

  /** Of every trained tensor. */
  private static Map<String, float[]> gradients(SafetensorsReader expected, HfConfig config) {
    Map<String, float[]> gradients = new LinkedHashMap<>();
    TensorMap map = config.tensors();
    for (TensorSpec spec : config.model().tensors()) {
      if (spec.trained()) {
        float[] values = new float[Math.toIntExact(spec.elements())];
        MemorySegment to = MemorySegment.ofArray(values);
        map.read(spec, spec.whole(), "grad.", _ -> expected, to);
        gradients.put(spec.name(), values);
      }
    }
    return gradients;
  }

  private static float[] floats(SafetensorsReader file, String name) {
    long n = file.info(name).elements();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment values = arena.allocate(n * Float.BYTES, Float.BYTES);
      file.readF32(name, 0, n, values);
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static float[][] logits(SafetensorsReader expected, List<Row> rows, ModelSpec model) {
    float[] all = floats(expected, "logits");
    float[][] byRow = new float[rows.size()][];
    int at = 0;
    for (int r = 0; r < byRow.length; r++) {
      byRow[r] = new float[rows.get(r).tokens.length * model.vocabulary()];
      System.arraycopy(all, at, byRow[r], 0, byRow[r].length);
      at += byRow[r].length;
    }
    return byRow;
  }

  private static int[][][] choices(SafetensorsReader expected, List<Row> rows, ModelSpec model) {
    int[][][] choices = new int[model.depth()][rows.size()][0];
    for (int layer = 0; layer < choices.length; layer++) {
      if (model.isMoe(layer)) {
        long[] all = expected.readLongs("router." + layer);
        int at = 0;
        for (int r = 0; r < rows.size(); r++) {
          choices[layer][r] = new int[rows.get(r).tokens.length * model.expertsPerToken()];
          for (int i = 0; i < choices[layer][r].length; i++) {
            choices[layer][r][i] = (int) all[at++];
          }
        }
      }
    }
    return choices;
  }

  private static List<Double> curve(Path file) throws IOException {
    List<Double> losses = new ArrayList<>();
    if (Files.exists(file)) {
      JsonNode root = JsonMapper.builder().build().readTree(Files.readString(file));
      for (JsonNode step : root.path("steps")) {
        losses.add(step.path("loss").asDouble());
      }
    }
    return losses;
  }
}
