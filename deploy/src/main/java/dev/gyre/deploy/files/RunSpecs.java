package dev.gyre.deploy.files;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.checkpoint.DurableFiles;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes the job and the plan of a run, {@code job.json} and {@code plan.json}. Paths of the job
 * are absolute there, so that the run can be used from any folder.
 */
public final class RunSpecs {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private RunSpecs() {}

  /**
   * Writes {@code job.json}. A run keeps the name of its first job, also if a job of another name
   * resumes it.
   */
  public static void write(RunFolder folder, JobSpec job) throws IOException {
    ObjectNode tree = (ObjectNode) JSON.readTree(SpecJson.write(job));
    Path base = Path.of("").toAbsolutePath();
    Optional<String> name = folder.jobName();
    name.ifPresent(kept -> tree.put("name", kept));
    absolute(tree, "modelFrom", base);
    JsonNode dataset = tree.path("dataset");
    if (!dataset.path("tokenizer").asString("").equals("bytes")) {
      absolute(dataset, "tokenizer", base);
    }
    dataset.path("train").forEach(source -> absolute(source, "path", base));
    absolute(tree.path("train").path("memory"), "offloadFolder", base);
    DurableFiles.replace(folder.job(), JSON.writeValueAsString(tree));
  }

  /** Makes a path absolute. Sources such as {@code jdk:src.zip} are not paths. */
  private static void absolute(JsonNode node, String key, Path base) {
    String path = node.path(key).asString("");
    if (node instanceof ObjectNode object && !path.isEmpty() && !path.matches("[a-z]+:.*")) {
      object.put(key, base.resolve(path).normalize().toString());
    }
  }

  public static void write(RunFolder folder, Plan plan) throws IOException {
    DurableFiles.replace(folder.plan(), SpecJson.write(plan));
  }
}
