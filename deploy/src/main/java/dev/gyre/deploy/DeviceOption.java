package dev.gyre.deploy;

import dev.gyre.kernels.Device;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code cpu} or {@code cuda:N}. */
final class DeviceOption implements ITypeConverter<Device> {
  @Override
  public Device convert(String text) {
    try {
      return Device.parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }
}
