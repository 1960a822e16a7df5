package emulator

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The longest texts, in characters.
const (
	maxName        = 1000
	maxText        = 4000
	maxDescription = 131072
)

// builder makes a record from an input: a new one, or the next version of an
// old one. Keys that are absent leave the record as it is; null clears.
type builder struct {
	t       *Tenant
	sw      *Switches
	at      time.Time
	in      *input
	r       *record
	old     *record // nil for a new record
	more    extra
	touched fieldSet
}

// build returns the record that in makes of old, or a new one if old is nil.
// The tenant is locked. Gsid, times and users are left to the commit.
func (t *Tenant) build(c *call, in *input, old *record, isTemplate bool) (*builder, *refusal) {
	b := &builder{t: t, sw: c.sw, at: c.at, in: in, old: old, r: &record{due: noDue, isTemplate: isTemplate}}
	if old != nil {
		*b.r = *old
		if old.more != nil {
			b.more = *old.more
		}
	}
	steps := [...]func(*builder) *refusal{
		(*builder).setName, (*builder).setTemplate, (*builder).setType, (*builder).setStatus, (*builder).setParent,
		(*builder).setDue, (*builder).setDescription, (*builder).setWork, (*builder).setCustom, (*builder).setMetrics,
		(*builder).setLinks,
	}
	for _, step := range steps {
		if err := step(b); err != nil {
			return nil, err
		}
	}
	b.r.more = b.more.orNil()
	return b, nil
}

func (m *extra) orNil() *extra {
	if m.custom == nil && m.work == nil && m.ctas == nil && m.plans == nil && m.metrics == nil {
		return nil
	}
	kept := *m
	return &kept
}

func (b *builder) touch(name string) { b.touched.add(b.t.fields.byName[name]) }

// text returns the text of a key. given is false for an absent key; a null and
// an empty text give "".
func (b *builder) text(k key, name string) (text string, given bool, err *refusal) {
	raw := b.in.known[k]
	if raw == nil {
		return "", false, nil
	}
	b.touch(name)
	if isNull(raw) {
		return "", true, nil
	}
	text, ok := textOf(raw)
	if !ok {
		return "", true, refuse(invalidValue, "%s is no text", name)
	}
	return text, true, nil
}

func (b *builder) setName() *refusal {
	name, given, err := b.text(kName, "Name")
	switch {
	case err != nil:
		return err
	case !given && b.old != nil:
		return nil
	case strings.TrimSpace(name) == "":
		return refuse(invalidValue, "Name cannot be empty")
	case utf8.RuneCountInString(name) > maxName:
		return refuse(invalidValue, "Name exceeds %d characters", maxName)
	}
	b.r.name = name
	return nil
}

// setTemplate notes the template of a goal and takes from it what the record
// itself does not say.
func (b *builder) setTemplate() *refusal {
	id, given, err := b.text(kTemplate, "TemplateId")
	if err != nil || !given {
		return err
	}
	if b.r.isTemplate {
		return refuse(invalidField, "Invalid field in record - TemplateId")
	}
	if id == "" {
		b.r.template = ""
		return nil
	}
	from := b.t.templates.get(id)
	if from == nil {
		return refuse(invalidGsid, "Invalid TemplateId provided in request")
	}
	b.r.template = id
	if b.old != nil {
		return nil
	}
	b.r.goalType, b.r.status, b.r.description = from.goalType, from.status, from.description
	if from.due != noDue {
		b.r.due = dateNumber(b.at.UTC().AddDate(0, 0, int(from.due)))
	}
	if from.more != nil {
		b.more = extra{custom: from.more.custom, work: from.more.work, metrics: b.copyMetrics(from.more.metrics)}
	}
	return nil
}

// copyMetrics returns the metrics of a template as associations of a goal.
func (b *builder) copyMetrics(of []metricValue) []metricValue {
	list := slices.Clone(of)
	for i := range list {
		list[i].gsid = b.t.nextGsid(itemPrefix)
	}
	return list
}

func (b *builder) setType() *refusal {
	id, byID, err := b.text(kTypeID, "GoalTypeId")
	if err != nil {
		return err
	}
	name, byName, err := b.text(kTypeName, "GoalTypeId")
	if err != nil {
		return err
	}
	switch {
	case !byID && !byName:
		if b.r.goalType == nil && b.old == nil {
			b.r.goalType = b.t.seeds.defaultType()
		}
		return nil
	case byID:
		b.r.goalType = withGsid(b.t.seeds.types, id, b.sw)
	default:
		b.r.goalType = firstActive(named(b.t.seeds.types, name, b.sw))
	}
	switch {
	case b.r.goalType == nil || !b.r.goalType.active:
		return refuse(invalidValue, "Invalid goal type provided in request")
	case byID && byName && !strings.EqualFold(b.r.goalType.name, name):
		return refuse(invalidValue, "GoalTypeId and GoalTypeName disagree")
	}
	return nil
}

// firstActive returns the first active item, else the first, else nil.
func firstActive(list []*item) *item {
	for _, i := range list {
		if i.active {
			return i
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return nil
}

func (b *builder) setStatus() *refusal {
	id, byID, err := b.text(kStatusID, "StatusId")
	if err != nil {
		return err
	}
	name, byName, err := b.text(kStatusName, "StatusId")
	if err != nil {
		return err
	}
	switch {
	case byID && byName && !b.agree(id, name):
		return refuse(invalidStatusName, "StatusId and StatusName disagree")
	case byID:
		b.r.status = withGsid(b.t.seeds.statuses, id, b.sw)
	case byName:
		b.r.status = b.statusNamed(name)
	case b.r.status == nil && b.r.isTemplate && b.r.goalType != nil:
		b.r.status = firstActive(b.r.goalType.statuses)
	}
	if !b.statusFits() {
		return refuse(invalidStatusName, "Invalid StatusName provided in request")
	}
	return nil
}

// statusFits says whether the record's status exists and, where it or the goal
// type is new to the record, is active and linked to the type.
func (b *builder) statusFits() bool {
	s, of := b.r.status, b.r.goalType
	if s == nil || b.old != nil && s == b.old.status && of == b.old.goalType {
		return s != nil
	}
	return s.active && (of == nil || of.allows(s, b.sw))
}

func (b *builder) agree(id, name string) bool {
	s := withGsid(b.t.seeds.statuses, id, b.sw)
	return s != nil && strings.EqualFold(s.name, name)
}

// statusNamed returns the status of that name, one of the goal type's if there
// are several.
func (b *builder) statusNamed(name string) *item {
	list := named(b.t.seeds.statuses, name, b.sw)
	for _, s := range list {
		if s.active && (b.r.goalType == nil || b.r.goalType.allows(s, b.sw)) {
			return s
		}
	}
	return firstActive(list)
}

func (b *builder) setDue() *refusal {
	raw := b.in.known[kDue]
	if raw == nil {
		return nil
	}
	b.touch("DueDate")
	if isNull(raw) {
		b.r.due = noDue
		return nil
	}
	if b.r.isTemplate {
		days, ok := integerOf(raw)
		if !ok || days < 0 || days > 100000 {
			return refuse(invalidValue, "DueDate of a template is no number of days")
		}
		b.r.due = int32(days)
		return nil
	}
	day, isText := textOf(raw)
	due, ok := parseDate(day)
	if !isText || !ok {
		return refuse(invalidValue, "Invalid DueDate provided in request, expected yyyy-MM-dd")
	}
	b.r.due = due
	return nil
}

func (b *builder) setDescription() *refusal {
	text, given, err := b.text(kDescription, "Description")
	switch {
	case err != nil || !given:
		return err
	case utf8.RuneCountInString(text) > maxDescription:
		return refuse(invalidValue, "Description exceeds %d characters", maxDescription)
	case strings.Contains(text, "<") && strings.Contains(fold(text), "<script"):
		return refuse(invalidValue, "Description contains a script")
	}
	b.r.description = text
	return nil
}

func (b *builder) setWork() *refusal {
	raw := b.in.known[kWork]
	if raw == nil {
		return nil
	}
	b.more.work = nil
	if isNull(raw) {
		return nil
	}
	ids, ok := texts(raw)
	if !ok {
		return refuse(invalidValue, "AssociatedWork is no list of Gsids")
	}
	for _, id := range ids {
		if !b.t.seeds.work[id] {
			return refuse(invalidGsid, "Invalid AssociatedWork provided in request - %s", id)
		}
	}
	b.more.work = ids
	return nil
}

// setLinks takes away first, then adds; a link that is there already stays once.
func (b *builder) setLinks() *refusal {
	b.more.ctas = relink(b.more.ctas, b.in.dropCTA, b.in.addCTA)
	b.more.plans = relink(b.more.plans, b.in.dropPlan, b.in.addPlan)
	return nil
}

func relink(old, drop, add []*link) []*link {
	if len(drop) == 0 && len(add) == 0 {
		return old
	}
	var list []*link
	for _, l := range old {
		if !slices.Contains(drop, l) {
			list = append(list, l)
		}
	}
	for _, l := range add {
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list
}
