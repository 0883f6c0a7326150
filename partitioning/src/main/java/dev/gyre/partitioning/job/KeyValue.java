package dev.gyre.partitioning.job;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A key with its value in a job. A component of a record holds the value of the key of the same
 * name. A record in a component without a key holds keys of the same section.
 *
 * @param path dotted as in the job file, with an index for items of lists: {@code
 *     dataset.train[0].weight}
 */
public record KeyValue(String path, Key key, Object value) {
  /** The name of a component's key: {@code offload-folder} for {@code offloadFolder}. */
  public static String nameOf(RecordComponent component) {
    return component.getName().replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
  }

  /** The record of the items of a list. */
  public static Class<? extends Record> itemOf(RecordComponent list) {
    ParameterizedType type = (ParameterizedType) list.getGenericType();
    return ((Class<?>) type.getActualTypeArguments()[0]).asSubclass(Record.class);
  }

  /** All keys that the records of a job hold, but not the model's, in the order of components. */
  public static List<KeyValue> of(JobSpec job) {
    List<KeyValue> all = new ArrayList<>();
    collect(job, JobSpec.KEYS, "", all);
    return all;
  }

  private static void collect(Record record, Key section, String prefix, List<KeyValue> into) {
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Object value = Records.value(record, component);
      Key key = section.child(nameOf(component));
      if (key == null) {
        if (value instanceof Record inSameSection) {
          collect(inSameSection, section, prefix, into);
        }
      } else if (key.type() == Key.Type.SECTION) {
        collect((Record) value, key, prefix + key.name() + ".", into);
      } else if (key.type() == Key.Type.SECTIONS) {
        List<?> items = (List<?>) value;
        for (int i = 0; i < items.size(); i++) {
          collect((Record) items.get(i), key, prefix + key.name() + "[" + i + "].", into);
        }
      } else {
        into.add(new KeyValue(prefix + key.name(), key, value));
      }
    }
  }

  /**
   * A record with the defaults of its keys.
   *
   * @param given values of components whose keys have no default, or that have no key
   */
  static <T extends Record> T defaults(Class<T> type, Key section, Map<String, ?> given) {
    return Records.create(
        type,
        component -> {
          Object value = given.get(component.getName());
          return value == null ? byDefault(component, section) : value;
        });
  }

  private static Object byDefault(RecordComponent component, Key section) {
    Key key = section.child(nameOf(component));
    Class<?> type = component.getType();
    if (type.isRecord() && (key == null || key.type() == Key.Type.SECTION)) {
      return defaults(type.asSubclass(Record.class), key == null ? section : key, Map.of());
    }
    if (key == null || key.fallback() == null) {
      throw new IllegalArgumentException(component + " has no default");
    }
    Object value = key.parse(key.fallback());
    return type == int.class ? (Object) Math.toIntExact((Long) value) : value;
  }
}
