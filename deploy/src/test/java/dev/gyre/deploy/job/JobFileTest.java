package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.NumberText;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.model.LayerKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
            (dir, tied) -> {
              throw new AssertionError("no model folder was named, yet it read " + dir);
            },
            tokenizer -> 256);
    return file.parse(yaml, "job.yaml", "job", Stream.of(settings).map(Setting::parse).toList());
  }

  @Test
  void sequenceLengthMayBeAListOfStages() {
    String stages = "[{tokens: 512, share: 60%, batch-tokens: 2048}, {tokens: 8192, share: 0.4}]";
    JobSpec job = read(JOB.replace("1_024", stages));
    assertEquals(
        List.of(new SequenceStage(512, 0.6, 2048), new SequenceStage(8192, 0.4, 8192)),
        job.train().stages());
    assertEquals(8192, job.train().sequenceLength());
    assertEquals(8192, job.train().batchTokens());
    assertEquals(1, read(JOB).train().curriculum().size());
    assertEquals(List.of(), read(JOB).train().stages());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[{tokens: 512, share: 60%}] | the stages' shares sum to 0.6000; they must sum to 100%",
        "[{tokens: 300, share: 1, batch-tokens: 1000}] | batch-tokens 1000 must be a multiple of",
        "[{tokens: 512}] | train.sequence-length.share is missing",
        "[] | must be a whole number, or a list such as",
        "[512, 8192] | must hold keys, for example",
        "[{tokens: 512, share: 0}, {tokens: 1024, share: 1}] | 0 must be above 0"
      })
  void stagesThatCannotMeanAnythingAreRefused(String stages, String message) {
    assertMessage(message, JOB.replace("1_024", stages));
  }

  private static void assertMessage(String part, String yaml) {
    JobFileException e = assertThrows(JobFileException.class, () -> read(yaml));
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }

  @Test
  void fillsDefaultsAroundWhatIsWritten() {
    JobSpec job = read(JOB);
    assertEquals("tiny", job.name());
    assertEquals(256, job.model().vocabulary());
    assertEquals(16, job.model().heads().size());
    assertEquals(128, job.model().feedForward(0).width());
    assertEquals(8, job.model().experts());
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
    assertEquals(
        List.of(0, 8, 0, 8),
        job.model().layers().stream().map(layer -> layer.feedForward().experts()).toList());
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
        "holdout: 2% | packing: tight | job.yaml:8: dataset.packing: 'tight' must be one of best-fit, concat",
        "num_key_value_heads: 2 | num_key_value_heads: 3 | job.yaml:5: model.num_key_value_heads: 3 must divide num_attention_heads 4",
        "mesh: {ring: 2} | mesh: 2 | job.yaml:12: mesh: must hold keys, for example workers: 0",
        "mesh: {ring: 2} | mesh: {schedule: star} | job.yaml:12: mesh.schedule: 'star' must be one of auto, ring, allgather, balanced, tokenring",
        "mesh: {ring: 2} | mesh: {schedule: {full_attention: star}} | job.yaml:12: mesh.schedule.full_attention: 'star' must be one of auto, ring, allgather, balanced, tokenring",
        "mesh: {ring: 2} | mesh: {schedule: {full: ring}} | job.yaml:12: mesh.schedule.full: no such key; the keys here are full_attention, sliding_attention",
        "mesh: {ring: 2} | mesh: {schedule: [ring]} | job.yaml:12: mesh.schedule: must be a single value, or keys such as full_attention: auto",
        "mesh: {ring: 2} | mesh: {ring: [2]} | job.yaml:12: mesh.ring: must be a single value.",
        "mesh: {ring: 2} | mesh: {ring: } | job.yaml:12: mesh.ring: has no value; give one, or leave the key out for its default",
        "mesh: {ring: 2} | mesh: {ring: null} | job.yaml:12: mesh.ring: has no value",
        "name: tiny | name: [ | job.yaml:",
        "num_key_value_heads: 2 | hidden_size: 32 | job.yaml:5: duplicate key hidden_size",
        "mesh: {ring: 2} | mesh: {ring: 2, ring: 4} | job.yaml:12: duplicate key ring",
        "num_key_value_heads: 2 | anchor_token: yes | job.yaml:5: model.anchor_token: 'yes' must be true or false",
        "num_key_value_heads: 2 | anchor_token: on | job.yaml:5: model.anchor_token: 'on' must be true or false",
        "num_key_value_heads: 2 | anchor_token: 1 | job.yaml:5: model.anchor_token: '1' must be true or false",
        "num_key_value_heads: 2 | mlp_only_layers: 1 | job.yaml:5: model.mlp_only_layers: must be a list, for example [0, 2]",
        "num_key_value_heads: 2 | mlp_only_layers: [0, one] | job.yaml:5: model.mlp_only_layers: 'one' is not a whole number",
        "num_key_value_heads: 2 | mlp_only_layers: [4] | job.yaml:5: model.mlp_only_layers: layer 4 is outside 0..3",
        "mesh: {ring: 2} | mesh: &m {ring: *m} | job.yaml:12: an alias refers to a value that contains it",
      })
  void namesFileLineKeyValueAndWayOut(String from, String to, String message) {
    assertTrue(JOB.contains(from));
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB.replace(from, to)));
    assertTrue(e.getMessage().startsWith(message), e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "train.sequence-length | long | 'long' is not a whole number; it must be from 1 to 1,073,741,824",
        "train.sequence-length | 0 | 0 must be from 1 to 1,073,741,824",
        "train.steps | -1 | -1 must be from 0 to 1,000,000,000,000",
        "train.steps | 1.5 | 1.5 is not a whole number; it must be from 0",
        "train.steps | 1,000 | '1,000' is not a whole number",
        "train.steps | 1_ | '1_' is not a whole number",
        "train.steps | 1e3000000000 | '1e3000000000' is not a whole number",
        "train.steps | 1e300 | 1e300 must be from 0",
        "train.steps | 99999999999999999999 | 99999999999999999999 must be from 0",
        "train.steps | 0x10 | '0x10' is not a whole number",
        "train.steps | \u0663 | '\u0663' is not a whole number",
        "train.steps | .inf | '.inf' is not a whole number",
        "train.steps | true | 'true' is not a whole number",
        "train.seed | 9223372036854775808 | 9223372036854775808 must be a 64-bit whole number",
        "train.optimizer.lr | -1e-3 | -1e-3 must be at least 0",
        "train.optimizer.lr | .nan | '.nan' is not a number",
        "train.optimizer.lr | NaN | 'NaN' is not a number",
        "train.optimizer.lr | Infinity | 'Infinity' is not a number",
        "train.optimizer.lr | 1e400 | 1e400 must be at least 0, and within the range of 32-bit floats",
        "train.optimizer.lr | 1e39 | 1e39 must be at least 0, and within the range of 32-bit floats",
        "train.optimizer.lr | 1e-3f | '1e-3f' is not a number",
        "train.optimizer.lr | 1e-3 x | '1e-3 x' is not a number",
        "train.optimizer.min-lr | -1 | -1 must be at least 0",
        "train.optimizer.min-lr | 1 | 1.0 must be at most train.optimizer.lr, which is 0.002",
        "train.optimizer.beta1 | 1.5 | 1.5 must be from 0 to below 1",
        "train.optimizer.beta1 | -0.1 | -0.1 must be from 0 to below 1",
        "train.optimizer.beta2 | 1 | 1 must be from 0 to below 1",
        "train.optimizer.beta2 | 2 | 2 must be from 0 to below 1",
        "train.optimizer.beta2 | 0.99999999 | 0.99999999 must be from 0 to below 1, and within",
        "train.optimizer.eps | -1 | -1 must be above 0",
        "train.optimizer.eps | 0 | 0 must be above 0",
        "train.optimizer.eps | 1e-50 | 1e-50 must be above 0, and within the range of 32-bit floats",
        "train.optimizer.weight-decay | -3 | -3 must be at least 0",
        "train.optimizer.clip | -1 | -1 must be at least 0",
        "train.optimizer.warmup | 101% | 101% must be from 0 to 100%",
        "train.optimizer.warmup | 5 | 5 must be from 0 to 100%",
        "train.optimizer.warmup | -1% | -1% must be from 0 to 100%",
        "dataset.holdout | much | 'much' is not a share such as 5% or 0.05; it must be from 0 to 50%",
        "dataset.holdout | 51% | 51% must be from 0 to 50%",
        "dataset.holdout | NaN% | 'NaN%' is not a share",
        "model.rope_theta | 0 | 0 must be above 0",
        "model.rms_norm_eps | -1 | -1 must be above 0",
        "model.rms_norm_eps | 0 | 0 must be above 0",
        "model.head_dim | 257 | 257 must be from 2 to 256",
        "model.hidden_size | -64 | -64 must be from 1 to 1,048,576",
        "model.num_attention_heads | 0 | 0 must be from 1 to 65,536",
        "mesh.ring | -1 | -1 must be from 0 to 16,384",
        "eval.rows | -1 | -1 must be from 0 to",
        "checkpoint.every | -2 | -2 must be from -1 to",
        "checkpoint.keep | 0 | 0 must be from 1 to",
      })
  void aNumberThatCannotMeanAnythingIsRefused(String key, String value, String problem) {
    String message =
        assertThrows(JobFileException.class, () -> read(JOB, key + "=" + value)).getMessage();
    String place = "--set " + key + "=" + value + ": " + key + ": ";
    assertTrue(message.startsWith(place + problem), message);
  }

  @Test
  void aNumberInAListOfSourcesIsRefusedAtItsLine() {
    String yaml =
        """
        dataset:
          train:
            - {path: a.txt}
            - {path: b.txt,
               weight: 0}
        """;
    String message = assertThrows(JobFileException.class, () -> read(yaml)).getMessage();
    assertEquals("job.yaml:5: dataset.train.weight: 0 must be above 0, at most 1,000", message);
  }

  @ParameterizedTest
  @CsvSource({"1e3", "1_000", "1000.0", "+1000", "\"1000\"", "10e2"})
  void wholeNumbersMayBeWrittenInSeveralWays(String value) {
    assertEquals(1000, read(JOB, "train.steps=" + value).train().steps());
  }

  @Test
  void theFormerNameOfRecomputeIsReadWithAHint() {
    List<String> hints = new ArrayList<>();
    JobFile file = new JobFile((dir, tied) -> null, tokenizer -> 256, hints::add);
    String old = JOB.replace("sequence-length: 1_024", "activations: full");
    assertEquals("all", file.parse(old, "a.yaml", "a", List.of()).train().memory().recompute());
    assertEquals(List.of("a.yaml:10: train.activations is now train.recompute: all"), hints);
    Setting typed = Setting.parse("train.activations=attention-saving");
    assertEquals(
        "attention-saving",
        file.parse(JOB, "a.yaml", "a", List.of(typed)).train().memory().recompute());
    assertEquals(
        "--set train.activations=attention-saving: train.activations is now"
            + " train.recompute: attention-saving",
        hints.getLast());
    Setting wins = Setting.parse("train.recompute=none");
    assertEquals("none", file.parse(old, "a", "a", List.of(wins)).train().memory().recompute());
  }

  @Test
  void bothNamesOfAKeyContradict() {
    String both = JOB.replace("sequence-length: 1_024", "activations: full\n  recompute: none");
    JobFileException e = assertThrows(JobFileException.class, () -> read(both));
    assertEquals(
        "job.yaml:10: train.activations: is the former name of train.recompute, which is set too;"
            + " remove it",
        e.getMessage());
    JobFileException value =
        assertThrows(JobFileException.class, () -> read(JOB, "train.activations=some"));
    assertTrue(
        value.getMessage().endsWith("'some' must be one of auto, none, attention-saving, all"),
        value.getMessage());
  }

  @Test
  void anEmptySectionHasItsDefaults() {
    assertEquals(0, read(JOB.replace("mesh: {ring: 2}", "mesh:")).mesh().ring());
    assertEquals(4, read(JOB.replace("mesh: {ring: 2}", "mesh:"), "mesh.ring=4").mesh().ring());
  }

  @Test
  void aModelBeyondAnyMachineIsRefused() {
    String[] huge = {
      "model.hidden_size=1_048_576", "model.head_dim=64", "model.intermediate_size=16777216"
    };
    String message = assertThrows(JobFileException.class, () -> read(JOB, huge)).getMessage();
    assertTrue(message.contains("model: 1.7e+15 parameters are more than the limit"), message);
  }

  @Test
  void optionsAreNamedInErrors() {
    JobFile file = new JobFile((_, _) -> null, tokenizer -> 256);
    JobFileException e =
        assertThrows(
            JobFileException.class,
            () -> file.parse(JOB, "a", "a", List.of(Setting.ofOption("mesh.ring", "--ring", -1))));
    assertEquals("--ring -1: mesh.ring: -1 must be from 0 to 16,384", e.getMessage());
  }

  @Test
  void settingsAreNamedInErrors() {
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB, "train.dtype=fp8"));
    assertEquals(
        "--set train.dtype=fp8: train.dtype: 'fp8' must be one of auto, bf16, f32", e.getMessage());
  }

  /** Published configs often leave out this one key of the model. */
  @Test
  void aModelFolderMayBeToldWhetherItsHeadIsTied() {
    List<String> asked = new ArrayList<>();
    JobFile file =
        new JobFile(
            (dir, changes) -> {
              asked.add(dir + " " + changes.tied() + " " + changes.rope());
              return read(JOB).model();
            },
            tokenizer -> 256);
    String job = "model: {from: dir}\ndataset: {train: [{path: text}]}\n";
    file.parse(job, "job.yaml", "job", List.of());
    file.parse(job, "job.yaml", "job", List.of(Setting.parse("model.tie_word_embeddings=true")));
    file.parse(
        job,
        "job.yaml",
        "job",
        List.of(Setting.parse("model.rope={type: yarn, factor: 4, truncate: false}")));
    assertEquals(
        List.of("dir null {}", "dir true {}", "dir null {type=yarn, factor=4.0, truncate=false}"),
        asked);
  }

  @Test
  void aRopeIsOfALoadedModel() {
    JobFileException e =
        assertThrows(JobFileException.class, () -> read(JOB, "model.rope={type: yarn, factor: 4}"));
    assertTrue(e.getMessage().contains("a new model has rope_theta alone"), e.getMessage());
    e = assertThrows(JobFileException.class, () -> read(JOB, "model.rope.type=longrope"));
    assertTrue(e.getMessage().contains("loaded, default, linear, llama3, yarn"), e.getMessage());
  }

  @Test
  void aModelFolderAndAShapeContradict() {
    JobFileException e = assertThrows(JobFileException.class, () -> read(JOB, "model.from=dir"));
    assertTrue(e.getMessage().contains("model.hidden_size: cannot be set: model.from is"));
  }

  @Test
  void missingFileSaysWhereToLook() {
    JobFile file = new JobFile((_, _) -> null, tokenizer -> 256);
    JobFileException e =
        assertThrows(JobFileException.class, () -> file.read(Path.of("no/such.yaml"), List.of()));
    assertTrue(e.getMessage().contains("no/such.yaml: no such job file"));
  }

  @Test
  void textThatIsNoJob(@TempDir Path folder) throws IOException {
    JobFile file = new JobFile((_, _) -> null, tokenizer -> 256);
    Path latin = Files.write(folder.resolve("latin.yaml"), new byte[] {'a', ':', (byte) 0xe4});
    String notText =
        assertThrows(JobFileException.class, () -> file.read(latin, List.of())).getMessage();
    assertTrue(notText.endsWith("not a job file: it is not UTF-8 text"), notText);
    String notAFile =
        assertThrows(JobFileException.class, () -> file.read(folder, List.of())).getMessage();
    assertTrue(notAFile.endsWith("cannot be read: it is a folder"), notAFile);
    String deep =
        assertThrows(JobFileException.class, () -> read("[".repeat(100_000))).getMessage();
    assertTrue(deep.startsWith("job.yaml: not a job: its values are nested too deep"), deep);
  }

  @Test
  void everyDefaultLiesInItsRange() {
    numeric(JobKeys.ROOT)
        .filter(key -> key.fallback() != null && key.type() != Key.Type.INTEGERS)
        .forEach(
            key ->
                assertTrue(
                    Objects.requireNonNull(key.range())
                        .holds(NumberText.share(key.fallback()).orElseThrow()),
                    key.name()));
    assertTrue(numeric(JobKeys.ROOT).count() > 40);
  }

  private static Stream<Key> numeric(Key section) {
    return section.children().stream()
        .flatMap(key -> key.range() == null ? numeric(key) : Stream.of(key));
  }

  @Test
  void theSchemaHoldsTheRanges() {
    JsonNode root = new ObjectMapper().readTree(JobSchema.text()).get("properties");
    JsonNode optimizer = root.get("train").get("properties").get("optimizer").get("properties");
    assertEquals(0.0, optimizer.get("beta1").get("minimum").doubleValue());
    assertEquals(1.0, optimizer.get("beta1").get("exclusiveMaximum").doubleValue());
    assertEquals(0.0, optimizer.get("eps").get("exclusiveMinimum").doubleValue());
    assertEquals(1.0, optimizer.get("warmup").get("maximum").doubleValue());
    JsonNode model = root.get("model").get("properties");
    assertEquals(256, model.get("head_dim").get("maximum").intValue());
    assertEquals(0, model.get("mlp_only_layers").get("items").get("minimum").intValue());
    assertEquals(
        -1, root.get("checkpoint").get("properties").get("every").get("minimum").intValue());
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
