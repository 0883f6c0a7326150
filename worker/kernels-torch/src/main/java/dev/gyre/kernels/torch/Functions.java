package dev.gyre.kernels.torch;

import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.QualifiedName;

/** The compiled kernels by name. The compilation unit owns them. */
final class Functions {
  private final CompilationUnit scripts;

  Functions(CompilationUnit scripts) {
    this.scripts = scripts;
  }

  /**
   * @throws IllegalStateException if no script defines the name
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
