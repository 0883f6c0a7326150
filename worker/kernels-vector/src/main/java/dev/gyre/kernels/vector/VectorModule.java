package dev.gyre.kernels.vector;

/**
 * Brings the Vector API into this JVM. {@code --add-modules jdk.incubator.vector} would do so at
 * the start, and print a warning about incubating modules each time, which no option suppresses.
 */
final class VectorModule {
  private static final String NAME = "jdk.incubator.vector";
  private static final String LOADER_PACKAGE = "jdk.internal.module";

  private VectorModule() {}

  /**
   * Loads the module unless it is there already. Takes some ten milliseconds.
   *
   * @return why it cannot be used here; empty if it can
   */
  static String load() {
    if (ModuleLayer.boot().findModule(NAME).isPresent()) {
      return "";
    }
    try {
      // What the JVM calls to load java.instrument for an agent that is attached later: the module
      // is defined to the same class loader as at the start, which HotSpot's intrinsics rely on.
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
