package dev.gyre.kernels.vector;

/**
 * Loads the Vector API at run time. {@code --add-modules jdk.incubator.vector} would load it at
 * start-up, but prints a warning about incubating modules that no option suppresses.
 */
final class VectorModule {
  private static final String NAME = "jdk.incubator.vector";
  private static final String LOADER_PACKAGE = "jdk.internal.module";

  private VectorModule() {}

  /**
   * Loads the module unless it is loaded already. Takes about ten milliseconds.
   *
   * @return why it cannot be used in this JVM; empty if it can
   */
  static String load() {
    if (ModuleLayer.boot().findModule(NAME).isPresent()) {
      return "";
    }
    try {
      // The JVM calls this method to load java.instrument for an agent that is attached later. It
      // defines the module to the same class loader as at start-up, which HotSpot's intrinsics
      // require.
      Class.forName(LOADER_PACKAGE + ".Modules")
          .getMethod("loadModule", String.class)
          .invoke(null, NAME);
      return "";
    } catch (ReflectiveOperationException e) {
      return "this JVM cannot load the Vector API (%s): start it with --add-exports java.base/%s=ALL-UNNAMED"
          .formatted(e, LOADER_PACKAGE);
    }
  }
}
