package dev.gyre.trainer.json;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.plan.Plan;
import java.lang.reflect.RecordComponent;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Converts jobs and plans of earlier builds to the keys of this build. A key that was renamed gets
 * its present name. A key that did not exist gets the value that describes what the earlier build
 * did, as its declaration says: {@link Key#unstated}. All other keys are left as they are: reading
 * the record refuses the unknown ones.
 */
final class FormerSpecs {
  private static final String ACTIVATIONS = "activations";
  private static final String EXPERT_ROWS = "expertRows";
  private static final String RECOMPUTE = "recompute";

  private FormerSpecs() {}

  /**
   * @param json the text of a record of this type
   * @return the text with the keys of this build; the same text if there is nothing to change
   */
  static String upgrade(ObjectMapper mapper, String json, Class<?> type) throws JacksonException {
    Consumer<ObjectNode> upgrade;
    if (type == JobSpec.class) {
      upgrade = job -> job(mapper, job);
    } else if (type == Plan.class) {
      upgrade = FormerSpecs::plan;
    } else {
      return json;
    }
    // Exact decimals, so that a number is read from the upgraded text as from the original.
    JsonNode former =
        mapper.reader().with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).readTree(json);
    if (!(former.deepCopy() instanceof ObjectNode present)) {
      return json;
    }
    upgrade.accept(present);
    return present.equals(former) ? json : mapper.writeValueAsString(present);
  }

  private static void job(ObjectMapper mapper, ObjectNode job) {
    if (FormerModel.is(job.path("model"))) {
      job.set("model", mapper.valueToTree(FormerModel.read(job.path("model"))));
    }
    FormerModel.complete(job.path("model"));
    if (job.path("train") instanceof ObjectNode train) {
      train.putIfAbsent("stages", train.arrayNode());
      recompute(train.path("memory"), "activations");
    }
    complete(job, JobSpec.class, JobSpec.KEYS);
  }

  /** Adds the keys that were not declared when the JSON was written. */
  private static void complete(ObjectNode json, Class<?> type, Key section) {
    for (RecordComponent component : type.getRecordComponents()) {
      Key key = section.child(KeyValue.nameOf(component));
      JsonNode value = json.path(component.getName());
      if (component.getType().isRecord()) {
        if (value instanceof ObjectNode below) {
          complete(below, component.getType(), key == null ? section : key);
        }
      } else if (key != null && key.type() == Key.Type.SECTIONS) {
        Class<?> item = KeyValue.itemOf(component);
        for (JsonNode each : value) {
          if (each instanceof ObjectNode one) {
            complete(one, item, key);
          }
        }
      } else if (key != null && key.unstated() != null && value.isMissingNode()) {
        json.putPOJO(component.getName(), key.parse(key.unstated()));
      }
    }
  }

  private static void plan(ObjectNode plan) {
    int format = plan.path("formatVersion").asInt(0);
    if (format < Plan.OLDEST_READ || format >= Plan.FORMAT_VERSION) {
      return;
    }
    if (format == Plan.OLDEST_READ) {
      rename(plan, "expertForecasts", "expertParallelForecasts");
      recompute(plan.path(ACTIVATIONS), "keep");
    }
    // Until format 7 a job named its transport, and a micro-step was one row.
    plan.put("transportReason", "");
    plan.put("rowsPerMicroStep", 1);
    if (plan.path("memory") instanceof ObjectNode memory && memory.has(EXPERT_ROWS)) {
      // They were a category of their own.
      long rows = memory.remove(EXPERT_ROWS).asLong(0);
      memory.put(ACTIVATIONS, memory.path(ACTIVATIONS).asLong(0) + rows);
    }
    plan.put("formatVersion", Plan.FORMAT_VERSION);
  }

  private static void recompute(JsonNode memory, String formerName) {
    if (memory instanceof ObjectNode object) {
      rename(object, formerName, RECOMPUTE);
      if (object.path(RECOMPUTE).asString("").equals(MemorySpec.FORMER_ALL)) {
        object.put(RECOMPUTE, "all");
      }
    }
  }

  /** Does nothing if both names are there: reading the record then refuses the former one. */
  private static void rename(ObjectNode object, String formerName, String name) {
    if (object.has(formerName) && !object.has(name)) {
      object.set(name, object.remove(formerName));
    }
  }
}
