package dev.gyre.partitioning.check;

import java.util.Locale;

/**
 * The numbers that a key may hold. Each is declared once, beside the value it limits; the records,
 * the reader of job files, the JSON Schema, the options of commands and the guide all take it from
 * there.
 *
 * <p>Real numbers are converted to f32, so a limit holds for the value as given and as rounded to
 * f32: 1e-50 is not above 0, and 1e39 is not finite.
 *
 * @param least smallest number, negative infinity for none
 * @param leastExcluded whether {@code least} itself is not allowed
 * @param most largest number, infinity for none
 * @param mostExcluded whether {@code most} itself is not allowed
 * @param kind how the number is written
 */
public record NumberRange(
    double least, boolean leastExcluded, double most, boolean mostExcluded, Kind kind) {

  /** How a number is written. */
  public enum Kind {
    WHOLE,
    REAL,
    /** A fraction from 0 to 1, shown as a percentage. */
    SHARE
  }

  private static final double NONE = Double.POSITIVE_INFINITY;

  /** Any 64-bit whole number. */
  public static final NumberRange ANY_WHOLE =
      new NumberRange(-NONE, false, NONE, false, Kind.WHOLE);

  /** Whole numbers from {@code least} to {@code most}, both included and below 2^53. */
  public static NumberRange whole(long least, long most) {
    return new NumberRange(least, false, most, false, Kind.WHOLE);
  }

  /** Whole numbers from {@code least}. */
  public static NumberRange wholeAtLeast(long least) {
    return new NumberRange(least, false, NONE, false, Kind.WHOLE);
  }

  /** Finite numbers from {@code least}, included. */
  public static NumberRange atLeast(double least) {
    return new NumberRange(least, false, NONE, false, Kind.REAL);
  }

  /** Finite numbers above {@code least}. */
  public static NumberRange above(double least) {
    return new NumberRange(least, true, NONE, false, Kind.REAL);
  }

  /** Numbers from {@code least}, included, to {@code most}, included. */
  public static NumberRange between(double least, double most) {
    return new NumberRange(least, false, most, false, Kind.REAL);
  }

  /** Numbers from {@code least}, included, to below {@code most}. */
  public static NumberRange below(double least, double most) {
    return new NumberRange(least, false, most, true, Kind.REAL);
  }

  /** Numbers above {@code least}, to {@code most}, included. */
  public static NumberRange aboveUpTo(double least, double most) {
    return new NumberRange(least, true, most, false, Kind.REAL);
  }

  /** Shares of a whole from {@code least} to {@code most}, both included. */
  public static NumberRange share(double least, double most) {
    return new NumberRange(least, false, most, false, Kind.SHARE);
  }

  /** Whether a number lies in the range; one that is not finite never does. */
  public boolean holds(double value) {
    return inside(value) && (kind == Kind.WHOLE || inside((float) value));
  }

  private boolean inside(double value) {
    return Double.isFinite(value)
        && (leastExcluded ? value > least : value >= least)
        && (mostExcluded ? value < most : value <= most);
  }

  /**
   * What is wrong with a value outside, for example {@code 0 must be at least 1}.
   *
   * @param shown the value as the user wrote it
   */
  public String problem(String shown, double value) {
    boolean beyondF32 = Double.isInfinite(value) || (inside(value) && !inside((float) value));
    return shown
        + " must be "
        + text()
        + (beyondF32 && kind != Kind.WHOLE ? ", and within the range of 32-bit floats" : "");
  }

  /**
   * @param key that holds the value, dotted as in the job file, or an option such as {@code
   *     --tokens}
   * @throws Invalid naming key, value and range
   */
  public void require(String key, double value) {
    if (!holds(value)) {
      throw new Invalid(key, problem(Double.toString(value), value));
    }
  }

  /** The same for a whole number. */
  public void require(String key, long value) {
    if (!holds((double) value)) {
      throw new Invalid(key, problem(Long.toString(value), value));
    }
  }

  /** Text for messages, for example {@code at least 1}, {@code from 0 to below 1}. */
  public String text() {
    if (least == -NONE && most == NONE) {
      return kind == Kind.WHOLE ? "a 64-bit whole number" : "a finite number";
    }
    if (most == NONE) {
      return (leastExcluded ? "above " : "at least ") + number(least);
    }
    if (least == -NONE) {
      return (mostExcluded ? "below " : "at most ") + number(most);
    }
    return (leastExcluded ? "above " : "from ")
        + number(least)
        + (leastExcluded ? ", at most " : mostExcluded ? " to below " : " to ")
        + number(most);
  }

  private String number(double value) {
    if (kind == Kind.SHARE) {
      return value == 0 ? "0" : whole(Math.round(100 * value)) + "%";
    }
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? whole((long) value)
        : Double.toString(value);
  }

  private static String whole(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }
}
