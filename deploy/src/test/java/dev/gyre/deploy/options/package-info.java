@NullMarked
package dev.gyre.deploy.options;

import org.jspecify.annotations.NullMarked;
