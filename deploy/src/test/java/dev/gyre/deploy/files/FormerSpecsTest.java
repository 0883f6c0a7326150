package dev.gyre.deploy.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** job.json and plan.json of earlier versions are read. */
final class FormerSpecsTest {
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
    for (int other : new int[] {5, 8}) {
      Files.writeString(
          file,
          SpecJson.write(plan).replace("\"formatVersion\" : 7", "\"formatVersion\" : " + other));
      assertThrows(IllegalArgumentException.class, () -> PlanFile.read(file));
    }
  }

  @Test
  void aJobThatNamesActivations() throws IOException {
    JobSpec job = SpecJson.read(resource("job-activations.json"), JobSpec.class, "job.json");
    assertEquals("all", job.train().memory().recompute());
    assertEquals(job, SpecJson.read(SpecJson.write(job), JobSpec.class, "job.json"));
  }
}
