package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.job.Records;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The declarations of keys against the records that hold their values. */
final class JobKeysTest {
  /** Components with a part of another key's value: a path in model, a list in train. */
  private static final Set<String> PARTS = Set.of("model", "modelFrom", "stages");

  private static JobSpec job() {
    return new JobFile((_, _) -> null, _ -> 256)
        .parse("dataset: {train: [{path: text}]}", "job.yaml", "job", List.of());
  }

  private static void leaves(Key section, String prefix, Map<String, Key> into) {
    for (Key key : section.children()) {
      String path = prefix + key.name();
      if (key.isSection()) {
        leaves(key, path + ".", into);
      } else {
        into.put(path, key);
        leaves(key, path + ".", into);
      }
    }
  }

  private static Map<String, Key> leaves(Key root) {
    Map<String, Key> all = new LinkedHashMap<>();
    leaves(root, "", all);
    return all;
  }

  /** A resume could neither refuse nor report a change of a key without an effect. */
  @Test
  void everyKeySaysWhatItChanges() {
    Map<String, Key> keys = leaves(JobKeys.ROOT);
    assertTrue(keys.size() > 70, keys::toString);
    keys.forEach((path, key) -> assertNotNull(key.effect(), path + " has no effect"));
  }

  @Test
  void everyKeyIsHeldByOneComponent() {
    List<String> held =
        KeyValue.of(job()).stream().map(one -> one.path().replaceAll("\\[\\d+]", "")).toList();
    List<String> declared = new ArrayList<>();
    leaves(JobSpec.KEYS)
        .forEach(
            (path, _) -> {
              if (!path.contains(".sequence-length.") && !path.contains(".schedule.")) {
                declared.add(path);
              }
            });
    assertEquals(declared.stream().sorted().toList(), held.stream().sorted().toList());
  }

  @Test
  void everyComponentHasAKeyOrHoldsKeysOfItsSection() {
    everyComponentHasAKey(job(), JobSpec.KEYS);
  }

  private static void everyComponentHasAKey(Record record, Key section) {
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Key key = section.child(KeyValue.nameOf(component));
      if (PARTS.contains(component.getName())) {
        continue;
      }
      Object value = Records.value(record, component);
      if (key == null || key.type() == Key.Type.SECTION) {
        assertTrue(value instanceof Record, component + " has no key");
        everyComponentHasAKey((Record) value, key == null ? section : key);
      }
    }
  }

  /** What a record refuses is refused in job.json and in messages too, not only in a job file. */
  @Test
  void everyRecordRefusesWhatItsKeysDo() {
    assertTrue(refusals(job(), JobSpec.KEYS) > 40);
  }

  private static int refusals(Record record, Key section) {
    int refused = 0;
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Key key = section.child(KeyValue.nameOf(component));
      Object value = Records.value(record, component);
      if (value instanceof Record below && (key == null || key.isSection())) {
        refused +=
            PARTS.contains(component.getName()) ? 0 : refusals(below, key == null ? section : key);
      } else if (value instanceof List<?> items && key != null && key.isSection()) {
        refused += refusals((Record) items.getFirst(), key);
      } else if (key != null && key.type() == Key.Type.CHOICE && !key.name().equals("backend")) {
        // An unknown backend is refused by the planner, which knows those of the workers.
        refused += refused(record, component, key, "no such value");
      } else if (key != null && key.range() != null) {
        NumberRange range = key.range();
        for (double beyond : new double[] {range.least() - 1, range.most() + 1}) {
          if (Double.isFinite(beyond) && !range.holds(beyond) && Math.abs(beyond) < 1L << 53) {
            refused += refused(record, component, key, number(component.getType(), beyond));
          }
        }
      }
    }
    return refused;
  }

  private static Object number(Class<?> type, double value) {
    if (type == int.class) {
      return (int) value;
    }
    return type == long.class ? (Object) (long) value : (Object) value;
  }

  private static int refused(Record record, RecordComponent component, Key key, Object value) {
    Map<String, Object> other = Map.of(component.getName(), value);
    Invalid e = assertThrows(Invalid.class, () -> Records.with(record, other), key.name());
    assertTrue(e.key().endsWith(key.name()), e.getMessage());
    return 1;
  }
}
