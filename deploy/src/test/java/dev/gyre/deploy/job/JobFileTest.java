package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ScheduleSpec;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class JobFileTest {
  private static final String JOB =
      """
      name: tiny
      model:
        hidden_size: 64
        num_attention_heads: 4
        num_key_value_heads: 2
      dataset:
        train: [{path: "text.txt", weight: 2}]
        holdout: 2%
      train:
        sequence-length: 1_024
        optimizer: {lr: 2e-3, warmup: 10%}
      mesh: {ring: 2}
      """;

  private static JobSpec read(String yaml, String... settings) {
    JobFile file =
        new JobFile(
            dir -> {
              throw new AssertionError("no model folder was named, yet it read " + dir);
            },
            tokenizer -> 256);
    return file.parse(yaml, "job.yaml", "job", List.of(settings));
  }

  @Test
  void fillsDefaultsAroundWhatIsWritten() {
    JobSpec job = read(JOB);
    assertEquals("tiny", job.name());
    assertEquals(256, job.model().vocabSize());
    assertEquals(16, job.model().headDim());
    assertEquals(128, job.model().intermediateSize());
    assertEquals(8, job.model().numLocalExperts());
    assertEquals(0.02, job.dataset().holdout());
    assertEquals(2.0, job.dataset().train().getFirst().weight());
    assertEquals(1024, job.train().batchTokens());
    assertEquals(0.1, job.train().optimizer().warmup());
    assertEquals(2, job.mesh().ring());
    assertEquals("job", read(JOB.replace("name: tiny\n", "")).name());
  }

  @Test
  void settingsWinOverTheFile() {
    JobSpec job = read(JOB, "train.steps=7", "mesh.ring=4", "model.mlp_only_layers=[0, 2]");
    assertEquals(7, job.train().steps());
    assertEquals(4, job.mesh().ring());
    assertEquals(List.of(0, 2), job.model().mlpOnlyLayers());
    assertEquals("auto auto", job.mesh().schedule() + " " + job.mesh().layout());
    JobSpec other = read(JOB, "mesh.schedule=balanced", "mesh.layout=contiguous");
    assertEquals("balanced contiguous", other.mesh().schedule() + " " + other.mesh().layout());
  }

  @Test
  void aScheduleForAllLayersOrForEachKind() {
    String map = "mesh: {schedule: {full_attention: tokenring, sliding_attention: allgather}}";
    ScheduleSpec each = read(JOB.replace("mesh: {ring: 2}", map)).mesh().schedule();
    assertEquals("tokenring", each.of(LayerKind.FULL));
    assertEquals("allgather", each.of(LayerKind.SLIDING));
    ScheduleSpec typed = read(JOB, "mesh.schedule=sliding_attention=ring").mesh().schedule();
    assertEquals("auto", typed.of(LayerKind.FULL));
    assertEquals("ring", typed.of(LayerKind.SLIDING));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mesh: {ring: 2} | mesh: {ulyses: 2} | job.yaml:12: mesh.ulyses: no such key; did you mean mesh.ulysses?",
        "name: tiny | steps: 3 | job.yaml:1: steps: no such key; did you mean train.steps?",
        "holdout: 2% | holdout: much | job.yaml:8: dataset.holdout: 'much' is not a share; write 5% or 0.05",
        "holdout: 2% | packing: tight | job.yaml:8: dataset.packing: 'tight' must be one of best-fit, concat",
        "sequence-length: 1_024 | sequence-length: long | job.yaml:10: train.sequence-length: 'long' is not a whole number",
        "sequence-length: 1_024 | sequence-length: 0 | job.yaml:10: train.sequence-length: 0 must be positive",
        "num_key_value_heads: 2 | num_key_value_heads: 3 | job.yaml:5: model.num_key_value_heads: 3 must divide num_attention_heads 4",
        "mesh: {ring: 2} | mesh: 2 | job.yaml:12: mesh holds keys, such as workers: 0",
        "mesh: {ring: 2} | mesh: {schedule: star} | job.yaml:12: mesh.schedule: 'star' must be one of auto, ring, allgather, balanced, tokenring",
        "mesh: {ring: 2} | mesh: {schedule: {full_attention: star}} | job.yaml:12: mesh.schedule.full_attention: 'star' must be one of auto, ring, allgather, balanced, tokenring",
        "mesh: {ring: 2} | mesh: {schedule: {full: ring}} | job.yaml:12: mesh.schedule.full: no such key; there are full_attention, sliding_attention",
        "mesh: {ring: 2} | mesh: {schedule: [ring]} | job.yaml:12: mesh.schedule is a single value, or keys such as full_attention: auto",
        "name: tiny | name: [ | job.yaml:",
        "num_key_value_heads: 2 | hidden_size: 32 | job.yaml:5: hidden_size is there twice",
      })
  void namesFileLineKeyValueAndWayOut(String from, String to, String message) {
    assertTrue(JOB.contains(from));
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB.replace(from, to)));
    assertTrue(e.getMessage().startsWith(message), e.getMessage());
  }

  @Test
  void settingsAreNamedInErrors() {
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB, "train.dtype=fp8"));
    assertEquals(
        "--set train.dtype=fp8: train.dtype: 'fp8' must be one of auto, bf16, f32", e.getMessage());
  }

  @Test
  void aModelFolderAndAShapeContradict() {
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB, "model.from=dir"));
    assertTrue(e.getMessage().contains("model.hidden_size: the model comes from model.from"));
  }

  @Test
  void missingFileSaysWhereToLook() {
    JobFile file = new JobFile(dir -> null, tokenizer -> 256);
    JobFileException e =
        assertThrows(JobFileException.class, () -> file.read(Path.of("no/such.yaml"), List.of()));
    assertTrue(e.getMessage().contains("no/such.yaml: no such job file"));
  }

  @Test
  void schemaHoldsEveryKeyAndRefusesOthers() {
    JsonNode schema = new ObjectMapper().readTree(JobSchema.text());
    assertEquals(false, schema.get("additionalProperties").booleanValue());
    JsonNode train = schema.get("properties").get("train").get("properties");
    assertEquals(200, train.get("steps").get("default").intValue());
    assertEquals(
        "number", train.get("optimizer").get("properties").get("lr").get("type").stringValue());
    assertEquals(JobKeys.ROOT.children().size(), schema.get("properties").size());
  }
}
