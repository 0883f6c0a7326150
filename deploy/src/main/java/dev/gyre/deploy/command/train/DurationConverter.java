package dev.gyre.deploy.command.train;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code 90}, {@code 90s}, {@code 15m} or {@code 2h}: above zero, below a year. */
final class DurationConverter implements ITypeConverter<Duration> {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,8})([smh]?)");
  private static final Duration LONGEST = Duration.ofDays(365);

  @Override
  public Duration convert(String text) {
    Matcher form = FORM.matcher(text);
    if (form.matches()) {
      long number = Long.parseLong(form.group(1));
      Duration duration =
          switch (form.group(2)) {
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> Duration.ofSeconds(number);
          };
      if (duration.isPositive() && duration.compareTo(LONGEST) < 0) {
        return duration;
      }
    }
    throw new TypeConversionException(
        "'" + text + "' is not a duration; write seconds, or 90s, 15m or 2h");
  }
}
