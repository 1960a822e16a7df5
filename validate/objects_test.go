package validate_test

import (
	"testing"

	"gsbatch/validate"
)

// Records are those of the specification's "Template Create API", "Template
// Update API", "Metric Create API" and "Metric Update API".
func TestOtherObjects(t *testing.T) {
	mapped := mapping(t, `version: 1
object: templates
columns:
  Company: {field: comp_lookup_gsid__gc, lookup: {object: company, key: CompName, multi_match: first}}
  Status: {field: StatusName, send: name}
`)
	for _, c := range []struct {
		name string
		cfg  validate.Config
		csv  string
		want []string
	}{
		{"create a template", validate.Config{Object: "templates", Mapping: mapped},
			"Name,Goal Type,Status,Due Date,Company,AssociatedWork,Metrics\nT1,Default,New,2301,Meta," + work1 + ",Usage\n",
			[]string{`create {"record":{"Name":"T1","StatusName":"New","GoalTypeId":"` + typeAny + `","DueDate":2301,"AssociatedWork":["` + work1 + `"],"CompName":"Meta","metricsAssociation":[{"metricId":"` + metricPct + `"}]}}`}},
		{"update a template", validate.Config{Object: "templates"},
			"Gsid,Name,Due,Metrics,Metrics Remove\n" + goal1 + ",T,25,Usage,A.R.R. growth\n" + goal2 + ",,,Usage,usage\n",
			[]string{`update {"record":{"Gsid":"` + goal1 + `","Name":"T","DueDate":25,"metricsAssociation":[{"metricId":"` + metricPct + `"}],"metricsDissociation":[{"metricId":"` + metricARR + `"}]}}`,
				`add-and-remove: metric ` + metricPct + ` is in both Metrics and Metrics Remove`}},
		{"bad templates", validate.Config{Object: "templates"},
			"Name,Due,Metrics Remove\n,1,\nA,1.5,\nB,2026-01-01,\nC,-1,\nD,,Usage\na,,\n",
			[]string{`required: Name is blank; a template needs it`, `not-days: Due Date "1.5" is no whole number of days`,
				`not-a-number: Due Date "2026-01-01" is no number`, `not-days: Due Date "-1" is no whole number of days`,
				`remove-in-create: Metrics Remove has nothing to remove from a new template`,
				`duplicate: line 3 already has a template of the same name: "a"`}},
		{"create a metric", validate.Config{Object: "metrics", Mapping: mapping(t, "version: 1\nobject: metrics\ncolumns:\n  Type names: {field: associateGoalTypeNames, send: name}\n")},
			"name,unitOfMeasure,description,associateGoalTypes,Type names\nM,decimal,<p>d</p>," + typeAny + ",Adoption\n",
			[]string{`create {"record":{"name":"M","unitOfMeasure":"DECIMAL","description":"<p>d</p>"},"associateGoalTypes":["` + typeAny + `"],"associateGoalTypeNames":["Adoption"]}`}},
		{"update a metric", validate.Config{Object: "metrics"},
			"gsid,name,Goal Types,Goal Types Remove\n" + metricARR + ",M2,Default; Adoption,\n" + metricPct + ",,,Adoption\n" + cta1 + ",,,\n",
			[]string{`update {"record":{"gsid":"` + metricARR + `","name":"M2"},"associateGoalTypes":["` + typeAny + `","` + typeComp + `"]}`,
				`update {"record":{"gsid":"` + metricPct + `"},"dissociateGoalTypes":["` + typeComp + `"]}`,
				`~gsid-prefix: Gsid "` + cta1 + `" looks like a CTA id` + "\n" + `~nothing-to-do: the row changes nothing: all its cells are blank but for its Gsid` + "\n" + `nothing {"record":{"gsid":"` + cta1 + `"}}`}},
		{"bad metrics", validate.Config{Object: "metrics"},
			"Name,Unit,Goal Types\nA,,\nB,percent,\nC,DECIMAL,Adopton\nD,DECIMAL,Default;default\n",
			[]string{`required: Unit Of Measure is blank; a metric needs it`, `unknown-unit: Unit Of Measure "percent" is none of DECIMAL, PERCENTAGE, CURRENCY; closest: PERCENTAGE`,
				`unknown-goal-type: goal type "Adopton" is not in this tenant; closest: "Adoption"`,
				`~repeated: Goal Types has "default" twice; it is sent once` + "\n" + `create {"record":{"name":"D","unitOfMeasure":"DECIMAL"},"associateGoalTypes":["` + typeAny + `"]}`}},
		{"delete", validate.Config{Object: "templates", Mode: validate.DeleteOnly},
			"Gsid,Name,whatever,x__gc\n" + goal1 + ",T,1,2\n" + goal1 + ",,,\n,T,,\nnonsense,,,\n",
			[]string{`delete "` + goal1 + `"`, `duplicate: line 2 already deletes the Gsid ` + goal1,
				`required: Gsid is blank: which template is to be deleted is not said`, `bad-gsid: Gsid "nonsense" has 8 characters, a Gsid has 36`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.cfg, c.csv, c.want...)
		})
	}
}

// mapping reads a mapping file.
func mapping(t *testing.T, text string) *validate.Mapping {
	t.Helper()
	m, err := validate.LoadMapping("map.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
