// Entry of the one bundle. Each module looks for its own element and does nothing on pages that lack it.
import "./requests.js";
import "./theme.js";
import "./toast.js";
import "./dialog.js";
import "./signin.js";
import "./settings.js";
import "./sources.js";
