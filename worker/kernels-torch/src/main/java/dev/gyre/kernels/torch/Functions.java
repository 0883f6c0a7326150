package dev.gyre.kernels.torch;

import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.QualifiedName;

/** The compiled kernels by name. They belong to the unit they were compiled in. */
final class Functions {
  private final CompilationUnit scripts;

  Functions(CompilationUnit scripts) {
    this.scripts = scripts;
  }

  /**
   * @throws IllegalStateException for a name that no script defines
   */
  Function get(String name) {
    try (QualifiedName qualified = new QualifiedName(name)) {
      Function function = scripts.find_function(qualified);
      if (function == null || function.isNull()) {
        throw new IllegalStateException("no TorchScript function " + name);
      }
      return function;
    }
  }
}
