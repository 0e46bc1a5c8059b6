// Entry of the one bundle. Each module looks for its own element and does nothing on pages that lack it.
import "./requests.js";
import "./theme.js";
import "./toast.js";
import "./dialog.js";
import "./signin.js";
import "./settings.js";
import "./sources.js";
import "./mailbox.js";
import "./reading.js";
import "./selection.js";
import "./act.js";
import "./drag.js";
import "./folders.js";
import "./search.js";
import "./palette.js";
import "./keyboard.js";
import "./live.js";
