package dev.gyre.deploy.options;

import dev.gyre.kernels.Device;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option for the device of a command's kernels. */
public final class DeviceOption {
  @Option(
      names = "--device",
      paramLabel = "D",
      defaultValue = "cpu",
      converter = Text.class,
      description = "Device: cpu, or cuda:N with backend torch. Default: ${DEFAULT-VALUE}.")
  private Device device = Device.CPU;

  public Device device() {
    return device;
  }

  private static final class Text implements ITypeConverter<Device> {
    @Override
    public Device convert(String text) {
      try {
        return Device.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
