package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.plan.ExpertParallelForecast;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.json.SpecException;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Files job.json and plan.json of earlier versions can be read. */
final class FormerSpecsTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();

  @TempDir Path folder;

  private static String resource(String name) throws IOException {
    try (var in = FormerSpecsTest.class.getResourceAsStream(name)) {
      return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
    }
  }

  @Test
  void aPlanOfFormatSix() throws IOException {
    Path file = Files.writeString(folder.resolve("plan.json"), resource("plan-format-6.json"));
    Plan plan = PlanFile.read(file);
    assertEquals(Plan.FORMAT_VERSION, plan.formatVersion());
    assertEquals("all", plan.activations().recompute());
    Files.writeString(file, SpecJson.write(plan));
    assertEquals(plan, PlanFile.read(file));
    for (int other : new int[] {5, 9}) {
      Files.writeString(
          file,
          SpecJson.write(plan).replace("\"formatVersion\" : 8", "\"formatVersion\" : " + other));
      assertThrows(IllegalArgumentException.class, () -> PlanFile.read(file));
    }
  }

  @Test
  void forecastsAndRecomputationHadOtherNamesInFormatSix() throws IOException {
    String former =
        resource("plan-format-6.json")
            .replace(
                "\"expertParallelForecasts\": []",
                "\"expertForecasts\": [{\"expertParallel\": 2, \"micros\": 3, \"memoryBytes\": 4}]");
    Plan plan = SpecJson.read(former, Plan.class, "plan.json");
    assertEquals(
        List.of(new ExpertParallelForecast(2, 3, 4)), plan.expertParallelForecasts(), former);
    assertRefused(
        former.replace("\"formatVersion\": 6", "\"formatVersion\": 8"),
        Plan.class,
        "activations.recompute");
  }

  @Test
  void aJobThatNamesActivations() throws IOException {
    JobSpec job = SpecJson.read(resource("job-activations.json"), JobSpec.class, "job.json");
    assertEquals("all", job.train().memory().recompute());
    assertEquals(job, SpecJson.read(SpecJson.write(job), JobSpec.class, "job.json"));
  }

  /** That build replaced bytes that are not UTF-8; today's default refuses them. */
  @Test
  void keysThatAJobLacksSayWhatItsBuildDid() throws IOException {
    JobSpec job = SpecJson.read(resource("job-activations.json"), JobSpec.class, "job.json");
    assertEquals("replace", job.dataset().invalidText());
    assertEquals("none", job.dataset().specialTokens());
    assertEquals("parse", job.dataset().specialText());
    assertEquals(
        List.of(DatasetSpec.Source.of("in/a.txt").with("join", "none")), job.dataset().train());
    assertEquals(List.of(), job.train().stages());
  }

  @Test
  void keysThatAJobHasAreKept() throws IOException {
    String json =
        resource("job-activations.json")
            .replace(
                "\"holdout\": 0.0",
                "\"holdout\": 0.0, \"invalidText\": \"skip\", \"specialTokens\": \"template\","
                    + " \"specialText\": \"text\"")
            .replace("\"weight\": 1.0", "\"weight\": 1.0, \"join\": \"folder\"");
    DatasetSpec dataset = SpecJson.read(json, JobSpec.class, "job.json").dataset();
    assertEquals("folder", dataset.train().getFirst().join());
    assertEquals("skip", dataset.invalidText());
    assertEquals("template", dataset.specialTokens());
    assertEquals("text", dataset.specialText());
  }

  /** Also of a key that is added later: its declaration says what runs without it did. */
  @Test
  void everyKeyIsInEveryRunOrHasAFormerValue() throws IOException {
    String json =
        SpecJson.write(SpecJson.read(resource("job-activations.json"), JobSpec.class, "job.json"));
    assertTrue(removals(json, "", JobSpec.class, JobSpec.KEYS) >= 5);
  }

  /** Reads the job without each key in turn; returns the number of keys with a former value. */
  private static int removals(String json, String pointer, Class<?> type, Key section) {
    int former = 0;
    for (RecordComponent component : type.getRecordComponents()) {
      Key key = section.child(KeyValue.nameOf(component));
      String below = pointer + "/" + component.getName();
      if (component.getType().isRecord() && !component.getName().equals("model")) {
        former += removals(json, below, component.getType(), key == null ? section : key);
      } else if (key != null && key.type() == Key.Type.SECTIONS) {
        former += removals(json, below + "/0", KeyValue.itemOf(component), key);
      } else if (key != null && !key.isSection()) {
        JsonNode tree = JSON.readTree(json);
        ((ObjectNode) tree.at(pointer)).remove(component.getName());
        String without = tree.toString();
        if (key.unstated() == null) {
          assertRefused(without, JobSpec.class, component.getName());
        } else {
          JobSpec read = SpecJson.read(without, JobSpec.class, "job.json");
          String value = JSON.readTree(SpecJson.write(read)).at(below).asString();
          assertEquals(key.parse(key.unstated()).toString(), value, below);
          former++;
        }
      }
    }
    return former;
  }

  @Test
  void keysThatNoBuildKnewAreRefused() throws IOException {
    String json = resource("job-activations.json");
    assertRefused(json.replace("\"packing\"", "\"color\": 1, \"packing\""), JobSpec.class, "color");
    assertRefused(
        json.replace("\"activations\"", "\"recompute\": \"all\", \"activations\""),
        JobSpec.class,
        "activations");
    assertRefused("[]", JobSpec.class, "");
    assertRefused(json + "{}", JobSpec.class, "");
  }

  private static <T extends Record> void assertRefused(String json, Class<T> type, String key) {
    SpecException e =
        assertThrows(SpecException.class, () -> SpecJson.read(json, type, "the file"));
    assertTrue(e.getMessage().startsWith("the file is not a valid "), e.getMessage());
    assertTrue(e.getMessage().contains(key), e.getMessage());
  }
}
