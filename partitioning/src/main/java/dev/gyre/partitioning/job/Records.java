package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

/**
 * Makes records from values by the names of their components, so that no caller lists them all. No
 * component may be null.
 */
public final class Records {
  private Records() {}

  /**
   * A record of the values of its components.
   *
   * @throws Invalid if the record refuses its values
   */
  public static <T extends Record> T create(
      Class<T> type, Function<RecordComponent, Object> valueOf) {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
      values[i] = valueOf.apply(components[i]);
    }
    try {
      Constructor<T> canonical = type.getConstructor(types);
      return canonical.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof RuntimeException refused) {
        throw refused;
      }
      throw new IllegalStateException("creating a " + type.getName(), e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("creating a " + type.getName(), e);
    }
  }

  /**
   * The record with other values of some components.
   *
   * @param values by name of the component
   * @throws IllegalArgumentException if the record has no such component, or refuses a value
   */
  @SuppressWarnings("unchecked") // the class of a T
  public static <T extends Record> T with(T record, Map<String, ?> values) {
    Class<T> type = (Class<T>) record.getClass();
    Set<String> unknown = new HashSet<>(values.keySet());
    Arrays.stream(type.getRecordComponents()).forEach(c -> unknown.remove(c.getName()));
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(type.getSimpleName() + " has no " + unknown);
    }
    return create(
        type,
        component -> {
          Object other = values.get(component.getName());
          return other == null ? value(record, component) : other;
        });
  }

  /** The value of a component. */
  public static Object value(Record record, RecordComponent component) {
    try {
      return Objects.requireNonNull(component.getAccessor().invoke(record));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("reading " + component, e);
    }
  }
}
