package validate

// MappingHelp is the reference of the mapping file, the text of the help topic "mapping".
const MappingHelp = `A mapping file says how the columns of an input file become fields. It is
YAML, given with --map; gsbatch map FILE -o mapping.yaml proposes one.

  version: 1                      # required
  object: goals                   # what the rows are: goals, templates, metrics
  date_format: DD/MM/YYYY         # for all date columns; --date-format overrides it
  clear_token: "(clear)"          # a cell of this text clears its field
  columns:
    Account: CompanyName          # header: field
    Notes: ignore                 # a column that is left alone
    Stage:
      field: StatusName
      values:                     # text of the cell: value
        Green: On Track
        Red: "?"                  # not decided yet: a row that needs it is refused
      otherwise: error            # for other texts: pass (default), error, blank
      send: id                    # a status or goal type goes by its id or its name
    Segment:
      field: segment__gc
      values: {E: Enterprise, S: SMB}
      default: Other              # for texts that values lacks
      on_blank: default           # for a blank cell: keep, error, default
    Seats:
      field: seats__gc
      type: number                # of a custom field: text, number, bool, date
    Go live:
      field: go_live__gc
      type: date
      date_format: D MMM YYYY
      clear_token: none
    Partner:
      field: partner__gc
      lookup:                     # a custom field that holds the id of a record
        object: company           # the object that is searched
        match: Name               # its field that the cell is compared with
        multi_match: error        # two matches: error or first
        on_no_match: error        # no match: error, null, default
        key: PartnerName          # under which the name is sent; made of the field's otherwise
    Project:
      field: RelationshipName
      on_update: send             # fields that place a goal are compared on an
                                  # update (compare), and sent only if this says so
  constants:                      # the same for every row
    EntityType: COMPANY
  objects:                        # object names that lookups send, where a tenant's differ
    relationship: relationship
    opportunity: opportunity

Headers, and texts under values, are matched without regard to case and outer
blanks. A header that the mapping does not name is matched to a field by its own
name, as without a mapping. A header that the file does not have is an error, and
so are two columns for one field. A value of "" under values leaves the cell
blank. --set FIELD=VALUE and constants stand above a column of the file.

date_format knows D, DD, M, MM, MMM (Jan), MMMM (January), YY and YYYY with
anything but letters between. Without it dates are YYYY-MM-DD, dates of Excel,
dates with the name of a month, or dates whose column shows somewhere by a number
over 12 whether the day or the month comes first.

Custom fields without a type are sent by the kind of the cell: text as a string,
a number of Excel as a number, TRUE and FALSE as booleans, a date as YYYY-MM-DD.
Cells of a CSV file are text.
`
