package dev.gyre.deploy.files;

import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Reads plan.json. */
public final class PlanFile {
  private PlanFile() {}

  /**
   * @throws IllegalArgumentException if the file holds no plan, or one of another format than this
   *     build's
   */
  public static Plan read(Path file) throws IOException {
    String json = Files.readString(file);
    int format = format(json);
    if (format != 0 && (format < Plan.OLDEST_READ || format > Plan.FORMAT_VERSION)) {
      throw new IllegalArgumentException(
          "%s has format %d, this build reads %d".formatted(file, format, Plan.FORMAT_VERSION));
    }
    return SpecJson.read(json, Plan.class, file.toString());
  }

  /**
   * The format version; 0 if the text has none, in which case parsing the plan reports the error.
   */
  private static int format(String json) {
    try {
      return JsonMapper.shared().readTree(json).path("formatVersion").asInt(0);
    } catch (JacksonException noJson) {
      return 0;
    }
  }
}
