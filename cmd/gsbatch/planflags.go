package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gsbatch/gainsight"
	"gsbatch/pipeline"
	"gsbatch/readers"
	"gsbatch/validate"
)

// planFlags are the flags that shape a plan: how to read the file, and what
// its columns mean.
type planFlags struct {
	input                                      *readers.Options
	object, mode, blank, onDuplicate           string
	onUnknownColumn, multiMatch                string
	mapFile, idMap, dateFormat, clearToken, at string
	set                                        []string
	marker                                     string
	skipInvalid, again                         bool
	diff                                       string
	key                                        []string
}

// addPlanFlags declares them on cmd.
func addPlanFlags(app *App, cmd *cobra.Command) *planFlags {
	p := &planFlags{input: addInputFlags(app, cmd)}
	fs := cmd.Flags()
	addChoice(cmd, fs, &p.object, "object", "goals", validate.Objects(), "what the rows are")
	addChoice(cmd, fs, &p.mode, "mode", "auto", []string{"auto", "create", "update", "upsert"}, "auto: a row with a Gsid updates, one without creates; upsert: one without updates the record that has its --key, or else creates")
	fs.StringSliceVar(&p.key, "key", nil, "find goals by these `FIELDS`: a custom field, or Name with EntityType or a parent, as Name,Company (default: EntityType, parent and Name; the name of templates and metrics); for upsert and --on-duplicate")
	fs.StringVar(&p.mapFile, "map", "", "map columns to fields as `FILE` (YAML) says; see gsbatch help mapping")
	fs.StringArrayVar(&p.set, "set", nil, "set a field for every row, `FIELD=VALUE`; may be repeated")
	fs.StringVar(&p.idMap, "id-map", "", "turn names of companies, relationships and opportunities into Gsids by `FILE` (columns Object, Name, Gsid)")
	fs.StringVar(&p.dateFormat, "date-format", "", "how dates are written, as `DD/MM/YYYY` (default: found out, and refused where it is ambiguous)")
	fs.StringVar(&p.clearToken, "clear-token", "", "a cell of this `TEXT` clears its field (default: nothing does)")
	addChoice(cmd, fs, &p.blank, "blank", "keep", []string{"keep", "error"}, "a blank cell keeps the field as it is, or is a problem")
	addChoice(cmd, fs, &p.onDuplicate, "on-duplicate", "error", []string{"error", "skip", "create"}, "a record whose natural key stands in the file twice (error and skip: a problem) or, where a plan is made, was created by an earlier run or is in the tenant")
	addChoice(cmd, fs, &p.onUnknownColumn, "on-unknown-column", "error", []string{"error", "warn", "ignore"}, "a column that is no field")
	addChoice(cmd, fs, &p.multiMatch, "multi-match", "error", []string{"error", "first"}, "a name that the server finds twice")
	fs.StringVar(&p.marker, "marker-field", "", "put each created row's marker into the custom text field `FIELD__gc`, by which a row in doubt is found for certain")
	fs.StringVar(&p.at, "rows", "", "take only these `LINES`, as 2-500,800; the others are skipped")
	return p
}

// addSendFlags declares those that matter only where something may be sent.
func (p *planFlags) addSendFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&p.skipInvalid, "skip-invalid", false, "send the valid rows although others are invalid")
	fs.BoolVar(&p.again, "again", false, "do not look at what earlier runs created, nor search the tenant for it")
	addChoice(cmd, fs, &p.diff, "diff", "auto", []string{"auto", "always", "never"}, "compare with the tenant and send only what differs: where reading costs fewer calls than it may save; whatever it costs; or without reading anything")
}

// mapping reads the files and texts that flags name. hash is of all that
// shapes the plan, so that the same file with other options can be told.
func (p *planFlags) config(app *App) (cfg validate.Config, rows pipeline.RowSet, hash string, err error) {
	cfg = validate.Config{
		Object: p.object, Mode: validate.Mode(p.mode), DateFormat: p.dateFormat, ClearToken: p.clearToken, BlankError: p.blank == "error",
		OnUnknownColumn: p.onUnknownColumn, AllowDuplicates: p.onDuplicate == "create", FirstMatch: p.multiMatch == "first",
		Reserved: p.marker,
	}
	if p.marker != "" && !strings.HasSuffix(p.marker, "__gc") {
		return cfg, rows, "", usagef("name a custom text field", "%s: %q does not end in __gc", app.settings.place("marker-field"), p.marker)
	}
	if p.marker != "" && p.object == gainsight.MetricObject {
		return cfg, rows, "", usagef("leave it out", "%s: metrics have no custom fields", app.settings.place("marker-field"))
	}
	shape := []any{p.object, p.mode, p.blank, p.onDuplicate, p.onUnknownColumn, p.multiMatch, p.dateFormat, p.clearToken,
		p.at, p.marker, p.set, p.key, p.input.Sheet, p.input.HeaderRow, p.input.Delimiter, p.input.Encoding}
	for _, text := range p.set {
		field, value, found := strings.Cut(text, "=")
		if !found || field == "" {
			return cfg, rows, "", usagef("write --set FIELD=VALUE", "--set %q has no field and value", text)
		}
		cfg.Set = append(cfg.Set, validate.Constant{Field: field, Value: value})
	}
	if _, err = p.keyOf(app, nil); err != nil {
		return cfg, rows, "", err
	}
	if rows, err = pipeline.ParseRowSet(p.at); err != nil {
		return cfg, rows, "", usagef("", "%s: %w", app.settings.place("rows"), err)
	}
	if p.mapFile != "" {
		text, err := os.ReadFile(p.mapFile)
		if err != nil {
			return cfg, rows, "", usagef("name a mapping file", "%s: %w", app.settings.place("map"), err)
		}
		if cfg.Mapping, err = validate.LoadMapping(p.mapFile, text); err != nil {
			return cfg, rows, "", withSource(err)
		}
		shape = append(shape, string(text))
	}
	if p.idMap != "" {
		if cfg.IDs, err = validate.ReadIDMap(app.stop, p.idMap); err != nil {
			return cfg, rows, "", &failure{code: exitUsage, err: err}
		}
		text, err := os.ReadFile(p.idMap)
		if err != nil {
			return cfg, rows, "", usagef("name an id map", "%s: %w", app.settings.place("id-map"), err)
		}
		shape = append(shape, fmt.Sprintf("%x", sha256.Sum256(text)))
	}
	text, err := json.Marshal(shape)
	if err != nil {
		return cfg, rows, "", err
	}
	sum := sha256.Sum256(text)
	return cfg, rows, hex.EncodeToString(sum[:]), nil
}

// keyOf is what --key says. A key of which the table of checker, which may be
// nil, has no column is refused.
func (p *planFlags) keyOf(app *App, checker *validate.Checker) (pipeline.Key, error) {
	key, err := pipeline.ParseKey(p.key)
	if err != nil {
		return key, usagef("", "%s: %w", app.settings.place("key"), err)
	}
	for _, field := range key.Fields {
		placed := !strings.HasSuffix(field, "__gc") && field != "Name"
		if p.object == gainsight.MetricObject && field != "Name" || p.object == gainsight.TemplateObject && placed {
			return key, usagef("give another key, or none", "%s: %s have no %s", app.settings.place("key"), p.object, field)
		}
		if checker != nil && !slices.ContainsFunc(checker.Columns(), func(c validate.Column) bool {
			return strings.EqualFold(c.Field, field) || c.Field == strings.TrimSuffix(field, "Id")+"Name"
		}) {
			return key, usagef("add it, map one to it with --map, or give another key", "%s: the file has no column %s", app.settings.place("key"), field)
		}
	}
	return key, nil
}
