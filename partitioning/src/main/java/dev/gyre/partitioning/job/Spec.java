package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import java.util.Map;

/**
 * A record of the job, of which copies are made by the names of components. So code that sets some
 * keys does not depend on the others.
 *
 * @param <T> the record itself
 */
public interface Spec<T extends Record & Spec<T>> {
  /**
   * The same with other values.
   *
   * @param values by name of the component, for example {@code batchTokens}
   * @throws Invalid if the record refuses a value
   */
  @SuppressWarnings("unchecked") // T is this record
  default T with(Map<String, ?> values) {
    return Records.with((T) this, values);
  }

  /** The same with another value of one component. */
  default T with(String component, Object value) {
    return with(Map.of(component, value));
  }
}
