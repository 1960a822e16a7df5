package emulator

import (
	"slices"
	"strings"
)

// lookupConfig is one member of "lookups".
type lookupConfig struct {
	target     string
	fields     []byte // object: record key to object field
	objectName string
	wanted     string // lookupField
	multi      string
	onNone     string
	def        []byte
}

// lookUp carries out the lookups of a request and puts what they found into
// the input. A key that is neither a field nor used by a lookup is refused.
func (t *Tenant) lookUp(in *input, lookups []byte) *refusal {
	if len(lookups) > 0 && !isObject(lookups) && !isNull(lookups) {
		return refuse(invalidLookupConfig, "lookups is no object")
	}
	var used []string
	for target, raw := range members(lookups) {
		cfg, err := parseLookup(string(target), raw)
		if err != nil {
			return err
		}
		for k := range members(cfg.fields) {
			used = append(used, string(k))
		}
		if err := t.resolve(in, cfg); err != nil {
			return err
		}
	}
	for _, o := range in.others {
		if !slices.Contains(used, o.key) {
			return refuse(invalidField, "Invalid field in record - %s", o.key)
		}
	}
	return nil
}

func parseLookup(target string, raw []byte) (lookupConfig, *refusal) {
	cfg := lookupConfig{target: target}
	for k, v := range members(raw) {
		switch string(k) {
		case "fields":
			cfg.fields = v
		case "lookupField":
			cfg.wanted, _ = textOf(v)
		case "objectName":
			cfg.objectName, _ = textOf(v)
		case "multiMatchOption":
			cfg.multi, _ = textOf(v)
		case "onNoMatch":
			cfg.onNone, _ = textOf(v)
		case "defaultValue":
			cfg.def = v
		default:
			return cfg, refuse(invalidLookupConfig, "Lookup of %s: unknown key %s", target, k)
		}
	}
	return cfg, cfg.check()
}

func (cfg *lookupConfig) check() *refusal {
	bad := func(what string) *refusal {
		return refuse(invalidLookupConfig, "Lookup of %s: %s", cfg.target, what)
	}
	switch {
	case !isObject(cfg.fields) || len(cfg.fields) == 2:
		return bad("fields is missing or empty")
	case cfg.wanted == "":
		return bad("lookupField is missing")
	case cfg.multi != "FIRSTMATCH" && cfg.multi != "MARKASERROR":
		return bad("multiMatchOption is neither FIRSTMATCH nor MARKASERROR")
	case cfg.onNone != "ERROR" && cfg.onNone != "NULLABLE" && cfg.onNone != "DEFAULTVALUE":
		return bad("onNoMatch is none of ERROR, NULLABLE, DEFAULTVALUE")
	case cfg.onNone == "DEFAULTVALUE" && cfg.def == nil:
		return bad("onNoMatch is DEFAULTVALUE without a defaultValue")
	}
	return nil
}

// objects returns the entities of an object name, nil for an unknown one.
func (t *Tenant) objects(name string) []*entity {
	switch strings.ToLower(name) {
	case "company":
		return t.seeds.companies
	case "relationship":
		return t.seeds.relationships
	case "opportunity":
		return t.seeds.opportunities
	}
	return nil
}

// resolve carries out one lookup. A record with none of the lookup's keys is
// left alone: the lookups of a call are shared by all its records.
func (t *Tenant) resolve(in *input, cfg lookupConfig) *refusal {
	list := t.objects(cfg.objectName)
	if list == nil {
		return refuse(invalidLookupConfig, "Lookup of %s: unknown object %q", cfg.target, cfg.objectName)
	}
	pairs, err := in.lookupPairs(cfg)
	if err != nil || len(pairs) == 0 {
		return err
	}
	found, err := match(list, pairs, cfg)
	if err != nil {
		return err
	}
	return t.setTarget(in, cfg, found)
}

// pair is one condition of a lookup: the object's field equals the text. A
// null in the record matches nothing.
type pair struct {
	key, attribute, text string
	null                 bool
}

func (in *input) lookupPairs(cfg lookupConfig) ([]pair, *refusal) {
	var pairs []pair
	var missing string
	for k, v := range members(cfg.fields) {
		attribute, ok := textOf(v)
		if !ok {
			return nil, refuse(invalidLookupConfig, "Lookup of %s: fields maps %s to no text", cfg.target, k)
		}
		raw := member(in.record, string(k))
		if raw == nil {
			missing = string(k)
			continue
		}
		name, ok := textOf(raw)
		if !ok && !isNull(raw) {
			return nil, refuse(invalidLookupConfig, "Lookup of %s: %s is no text", cfg.target, k)
		}
		pairs = append(pairs, pair{string(k), attribute, name, isNull(raw)})
	}
	if missing != "" && len(pairs) > 0 {
		return nil, refuse(invalidLookupConfig, "Lookup of %s: %s is missing in the record", cfg.target, missing)
	}
	return pairs, nil
}

// match returns the entity that fits all pairs, nil if there is none.
func match(list []*entity, pairs []pair, cfg lookupConfig) (*entity, *refusal) {
	var found *entity
	for _, e := range list {
		fits := true
		for _, p := range pairs {
			text, known := e.attribute(p.attribute)
			if !known && text == "" && !attributeExists(list, p.attribute) {
				return nil, refuse(invalidLookupConfig, "Lookup of %s: object %s has no field %s", cfg.target, cfg.objectName, p.attribute)
			}
			fits = fits && !p.null && known && strings.EqualFold(text, p.text)
		}
		if !fits {
			continue
		}
		if found != nil {
			return nil, refuse(invalidLookupConfig, "Lookup of %s: more than one %s matches %q", cfg.target, cfg.objectName, pairs[0].text)
		}
		found = e
		if cfg.multi == "FIRSTMATCH" {
			break
		}
	}
	return found, nil
}

func attributeExists(list []*entity, name string) bool {
	return slices.ContainsFunc(list, func(e *entity) bool {
		_, known := e.attribute(name)
		return known
	})
}

// setTarget writes what a lookup found into its target field.
func (t *Tenant) setTarget(in *input, cfg lookupConfig, found *entity) *refusal {
	var raw []byte
	switch {
	case found != nil:
		text, known := found.attribute(cfg.wanted)
		if !known {
			return refuse(invalidLookupConfig, "Lookup of %s: object %s has no field %s", cfg.target, cfg.objectName, cfg.wanted)
		}
		raw = appendText(nil, text)
	case cfg.onNone == "ERROR":
		return refuse(invalidLookupConfig, "Lookup of %s: no %s matches", cfg.target, cfg.objectName)
	case cfg.onNone == "NULLABLE":
		raw = []byte("null")
	default:
		raw = cfg.def
	}
	switch k, ok := keyNamed([]byte(cfg.target)); {
	case ok && (k == kCompany || k == kRelationship || k == kOpportunity):
		in.known[k] = raw
		return nil
	}
	if f := t.fields.byName[cfg.target]; f != nil && f.lookup {
		in.setCustom(f, raw)
		return nil
	}
	return refuse(invalidLookupConfig, "Lookup target %s is no lookup field", cfg.target)
}
