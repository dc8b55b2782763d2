"""The names that a workflow file may use for things that other rooms implement.

Written down here, because whoever reads a file must not import models, metrics or featuretools; tests hold
these lists against what the rooms and libraries really have.
"""

from typing import Literal, get_args

Kind = Literal["binary", "multiclass", "regression"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# How configurations are drawn and given up.
Way = Literal["tpe", "halving", "random", "grid"]
WAYS: tuple[Way, ...] = get_args(Way)


def words(text: str) -> tuple[str, ...]:
    """Read a list that is written as text, for long ones are easier on the eye so.

    Example:
        >>> words("a b")
        ('a', 'b')
    """
    return tuple(text.split())


FAMILIES = ("base_rate", "linear", "extra_trees", "hist_gradient_boosting", "lightgbm", "catboost", "tabm")

METRICS: dict[str, tuple[Kind, ...]] = {
    "roc_auc": ("binary", "multiclass"),
    "average_precision": ("binary",),
    "log_loss": ("binary", "multiclass"),
    "brier": ("binary",),
    "ece": ("binary",),
    "accuracy": ("binary", "multiclass"),
    "balanced_accuracy": ("binary", "multiclass"),
    "precision": ("binary",),
    "recall": ("binary",),
    "f1": ("binary", "multiclass"),
    "rmse": ("regression",),
    "mae": ("regression",),
    "r2": ("regression",),
}

# Bounds may be set on these, but a model that is trained for nothing else learns nothing.
ONLY_BOUNDS = ("ece", "precision", "recall")

# What clean tables, examples and matrices put beside a table's own columns.
RESERVED_COLUMNS = ("_file", "_row", "_row_id", "_time", "_known_at", "_partition", "_group")
RESERVED_PREFIXES = ("_known_at", "_mlwf_")
RESERVED_IN_KEYS = ("cutoff", "label", "process_today", "time", "split", "fold")
ROW_ID = "_row_id"

# Slices that are told from an example's time, beside the columns of its table.
TIME_SLICES = ("month", "weekday", "hour")

# Featuretools' transform primitives: those that look at one row, at other rows, and at the clock. Not all of the
# second kind say so of themselves (uses_full_dataframe); a test tries each one.
TRANSFORMS = words("""
    absolute add_numeric add_numeric_scalar and cityblock_distance cosine count_string date_to_holiday
    date_to_time_zone day day_of_year days_in_month distance_to_holiday divide_by_feature divide_numeric
    divide_numeric_scalar email_address_to_domain equal equal_scalar file_extension full_name_to_first_name
    full_name_to_last_name full_name_to_title geomidpoint greater_than greater_than_equal_to
    greater_than_equal_to_scalar greater_than_scalar haversine hour is_federal_holiday is_first_week_of_month
    is_free_email_domain is_in_geobox is_leap_year is_lunch_time is_month_end is_month_start is_null is_quarter_end
    is_quarter_start is_weekend is_working_hours is_year_end is_year_start isin latitude less_than less_than_equal_to
    less_than_equal_to_scalar less_than_scalar longitude mean_characters_per_word median_word_length minute
    modulo_by_feature modulo_numeric modulo_numeric_scalar month multiply_boolean multiply_numeric
    multiply_numeric_boolean multiply_numeric_scalar natural_logarithm negate not not_equal not_equal_scalar
    nth_week_of_month num_characters num_unique_separators num_words number_of_common_words number_of_hashtags
    number_of_mentions number_of_unique_words number_of_words_in_quotes one_digit_postal_code or part_of_day
    punctuation_count quarter scalar_subtract_numeric_feature season second sine square_root subtract_numeric
    subtract_numeric_scalar tangent title_word_count total_word_length two_digit_postal_code upper_case_count
    upper_case_word_count url_to_domain url_to_protocol url_to_tld week weekday whitespace_count year
""")
TRANSFORMS_OVER_ROWS = words("""
    absolute_diff cum_count cum_max cum_mean cum_min cum_sum cumulative_time_since_last_false
    cumulative_time_since_last_true diff diff_datetime expanding_count expanding_max expanding_mean expanding_min
    expanding_std expanding_trend exponential_weighted_average exponential_weighted_std exponential_weighted_variance
    lag numeric_lag percent_change percentile rate_of_change rolling_count rolling_max rolling_mean rolling_min
    rolling_outlier_count rolling_std rolling_trend same_as_previous savgol_filter time_since_previous
""")
TRANSFORMS_AT_TIME = ("age", "time_since")
# Of those that are served: what reads text, or columns of any kind.
TRANSFORMS_OF_TEXT = frozenset(
    words("""
    count_string equal equal_scalar is_null isin mean_characters_per_word median_word_length not_equal
    not_equal_scalar num_characters num_unique_separators num_words number_of_common_words number_of_hashtags
    number_of_mentions number_of_unique_words number_of_words_in_quotes punctuation_count title_word_count
    total_word_length upper_case_count upper_case_word_count whitespace_count
    """)
)

# Featuretools' aggregation primitives: those that are taken from all rows at once, whatever the number of predictions,
# and those that look at the rows of each prediction one by one. A test tries each one.
AGGREGATIONS = words("""
    all any average_count_per_unique avg_time_between count count_greater_than count_inside_range count_less_than
    count_outside_range first first_last_time_delta has_no_duplicates is_unique last max max_min_delta mean median min
    n_unique_days n_unique_days_of_calendar_year n_unique_days_of_month n_unique_months n_unique_weeks num_true
    num_unique percent_true percent_unique std sum time_since_first time_since_last time_since_last_false
    time_since_last_true variance
""")
AGGREGATIONS_ONE_BY_ONE = words("""
    count_above_mean count_below_mean count_inside_nth_std count_outside_nth_std date_first_event entropy
    is_monotonically_decreasing is_monotonically_increasing kurtosis max_consecutive_false max_consecutive_negatives
    max_consecutive_positives max_consecutive_true max_consecutive_zeros max_count median_count min_count
    mode n_most_common n_most_common_frequency num_consecutive_greater_mean num_consecutive_less_mean
    num_false_since_last_true num_peaks num_true_since_last_false num_zero_crossings skew time_since_last_max
    time_since_last_min trend
""")

# tsfresh's calculators; a file writes each as its column is named, with its parameters. The minimal and the plain ones
# take none.
MINIMAL_CALCULATORS = words("""
    sum_values median mean length standard_deviation variance root_mean_square maximum absolute_maximum minimum
""")
PLAIN_CALCULATORS = words("""
    variance_larger_than_standard_deviation has_duplicate_max has_duplicate_min has_duplicate sum_values abs_energy
    mean_abs_change mean_change mean_second_derivative_central median mean length standard_deviation
    variation_coefficient variance skewness kurtosis root_mean_square absolute_sum_of_changes
    longest_strike_below_mean longest_strike_above_mean count_above_mean count_below_mean last_location_of_maximum
    first_location_of_maximum last_location_of_minimum first_location_of_minimum
    percentage_of_reoccurring_values_to_all_values percentage_of_reoccurring_datapoints_to_all_datapoints
    sum_of_reoccurring_values sum_of_reoccurring_data_points ratio_value_number_to_time_series_length sample_entropy
    maximum absolute_maximum minimum benford_correlation
""")
CALCULATORS = PLAIN_CALCULATORS + words("""
    time_reversal_asymmetry_statistic c3 cid_ce symmetry_looking large_standard_deviation quantile autocorrelation
    agg_autocorrelation partial_autocorrelation number_cwt_peaks number_peaks binned_entropy index_mass_quantile
    cwt_coefficients spkt_welch_density ar_coefficient change_quantiles fft_coefficient fft_aggregated value_count
    range_count approximate_entropy friedrich_coefficients max_langevin_fixed_point linear_trend agg_linear_trend
    augmented_dickey_fuller number_crossing_m energy_ratio_by_chunks ratio_beyond_r_sigma linear_trend_timewise
    count_above count_below lempel_ziv_complexity fourier_entropy permutation_entropy query_similarity_count
    mean_n_absolute_max
""")
