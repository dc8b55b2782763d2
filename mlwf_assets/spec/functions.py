"""The words of SQL that a workflow file may use, and those that are refused for a reason of their own.

Plain lists, held against DuckDB's own by tests; what is done with them stands in `sql.py`. A function is
allowed when it looks at one row, reads nothing else, and gives the same result tomorrow.
"""

from mlwf_assets.spec.names import words

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "conditions": words("coalesce greatest if ifnull isfinite isinf isnan least nullif"),
    "numbers": words("""
        abs acos acosh asin asinh atan atan2 atanh cbrt ceil ceiling cos cosh cot degrees even exp factorial fdiv
        floor fmod gamma gcd lcm lgamma ln log log10 log2 mod nextafter pi pow power radians round sign signbit sin
        sinh sqrt tan tanh trunc xor
    """),
    "text": words("""
        ascii bar bit_length char_length character_length chr concat concat_ws contains damerau_levenshtein ends_with
        format format_bytes hamming hex instr jaccard jaro_similarity jaro_winkler_similarity lcase left left_grapheme
        len length length_grapheme levenshtein lower lpad ltrim md5 nfc_normalize ord position prefix printf
        regexp_escape regexp_extract regexp_full_match regexp_matches regexp_replace repeat replace reverse right
        right_grapheme rpad rtrim sha1 sha256 split_part starts_with strip_accents strlen strpos substr substring
        suffix to_base translate trim ucase unicode upper url_decode url_encode
    """),
    "dates and times": words("""
        century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
        dayofmonth dayofweek dayofyear decade epoch epoch_ms epoch_ns epoch_us era extract hour isodow isoyear julian
        last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond
        millennium millisecond minute month monthname quarter second strftime strptime time_bucket timezone
        timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia
        to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years try_strptime week
        weekday weekofyear year yearweek
    """),
    "types": words("cast try_cast"),
}

# Functions whose result is another one tomorrow.
TODAY = frozenset(
    words("""
        age current_date current_localtime current_localtimestamp current_time current_timestamp gen_random_uuid
        get_current_time get_current_timestamp localtime localtimestamp now random setseed today transaction_timestamp
        uuid uuidv4 uuidv7
    """)
)

# Functions that look at several rows.
AGGREGATES = frozenset(
    words("""
        any_value approx_count_distinct arbitrary arg_max arg_min array_agg avg bit_and bit_or bool_and bool_or corr
        count count_if countif covar_pop covar_samp cume_dist dense_rank entropy first first_value histogram kurtosis
        lag last last_value lead list mad max max_by mean median min min_by mode nth_value ntile percent_rank product
        quantile quantile_cont quantile_disc rank row_number skewness stddev stddev_pop stddev_samp string_agg sum
        var_pop var_samp variance
    """)
)

# Words before a parenthesis that are no functions.
OPERATORS = frozenset(
    words("""
        and any as between both by case distinct else end for from glob ilike in interval is leading like not or
        similar then to trailing when zone
    """)
)

# Types that may have a parenthesis behind them.
TYPES = frozenset(
    words("""
        bit blob bpchar char dec decimal float numeric nvarchar string text time timestamp varchar
    """)
)

# DuckDB's words that name a column only in double quotes.
RESERVED = frozenset(
    words("""
        all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
        collate collation column columns concurrently constraint create cross default deferrable desc describe
        distinct do else end except fetch for foreign freeze from full generated glob group having ilike in initially
        inner intersect into is isnull join lambda lateral leading left like limit map natural not notnull offset on
        only or order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify references
        returning right select semi show similar some struct summarize symmetric table tablesample then to trailing
        try_cast union unique unpack unpivot using variadic verbose when where window with
    """)
)

# What the SQL of a table made from others may use besides: functions that look at several rows, and give the same
# for the same rows in the same order. Those that give lists, and those that take any row, are not among them.
OVER_ROWS: dict[str, tuple[str, ...]] = {
    "aggregates": words("""
        arg_max arg_min avg bit_and bit_or bit_xor bool_and bool_or corr count count_if countif covar_pop covar_samp
        entropy kurtosis mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc
        regr_intercept regr_r2 regr_slope skewness stddev stddev_pop stddev_samp string_agg sum var_pop var_samp
        variance
    """),
    "windows": words("""
        cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
    """),
}

# Words of queries before a parenthesis that are no functions.
QUERY_OPERATORS = OPERATORS | frozenset(
    words("""
        all columns cube except exclude exists filter from group having intersect into join lateral materialized on
        order over partition pivot qualify rename rollup select sets union unpivot using value values where with within
    """)
)
