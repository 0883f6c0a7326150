package dev.gyre.deploy.options;

import dev.gyre.kernels.DType;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code bf16} or {@code f32}; {@code fp32} is another name of the latter. */
public final class DtypeOption implements ITypeConverter<DType> {
  @Override
  public DType convert(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "f32", "fp32" -> DType.F32;
      case "bf16" -> DType.BF16;
      default -> throw new TypeConversionException("'" + text + "' must be bf16 or f32");
    };
  }
}
