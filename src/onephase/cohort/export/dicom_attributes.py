"""Which attributes a DICOM copy may have, wherever in it they stand: the list of what is kept, written a second time.

By numbers, as they stand in a file, and apart from the list that the writer goes by, so that a slip in one of the two
is seen: an attribute that only the writer keeps is a finding, and then no copy is kept.
"""

_BY_GROUP = {
    0x0002: "0000 0001 0002 0003 0010 0012 0013",
    # Identification: of object, study and series; dates and times; codes; what a frame shows
    0x0008: """0005 0008 0016 0018 0020 0023 002A 0030 0033 0050 0060 0070 0090 0100 0102 0104 1090 1115 114A 1150 1155
        1160 2112 2218 9007 9124 9205 9206 9207 9208 9209 9215""",
    0x0010: "0010 0020 0030 0040",
    0x0012: "0062 0063 0064",
    # Acquisition
    0x0018: """0010 0015 0020 0021 0022 0023 0050 0080 0081 0082 0083 0084 0085 0086 0087 0088 0089 0091 0093 0094 0095
        1000 1020 1100 1250 1251 1310 1312 1314 1315 5100 9004 9005 9006 9008 9009 9010 9012 9014 9015 9016 9017 9018
        9020 9021 9022 9024 9025 9026 9027 9028 9029 9032 9033 9034 9036 9041 9042 9043 9044 9045 9047 9048 9049 9050
        9051 9058 9064 9069 9073 9074 9077 9078 9081 9082 9093 9094 9098 9100 9112 9114 9115 9119 9125 9151 9155 9168
        9174 9176 9177 9178 9179 9180 9181 9182 9183 9220 9226 9231 9232 9239 9240 9241""",
    # Relationship: UIDs, numbers, geometry, dimensions, frames
    0x0020: """000D 000E 0010 0011 0012 0013 0032 0037 0052 0060 0062 1040 1041 9056 9057 9071 9072 9111 9113 9116 9156
        9157 9164 9165 9167 9221 9222 9311 9421""",
    # Pixels
    0x0028: """0002 0004 0008 0010 0011 0030 0100 0101 0102 0103 0106 0107 0120 0121 0301 0303 1050 1051 1052 1053 1054
        135A 2110 2112 2114 9110 9132 9145""",
    0x0040: "0555 A170",
    # Segments, and what a segmentation is called
    0x0062: "0001 0002 0003 0004 0005 0008 000A 000B 000F 0013",
    0x0070: "0080 0081",
    0x2050: "0020",
    0x5200: "9229 9230",
    0x7FE0: "0010",
}
MAY_STAND = frozenset((group, int(number, 16)) for group, numbers in _BY_GROUP.items() for number in numbers.split())
"""Group and number of each attribute (PS3.6)."""
