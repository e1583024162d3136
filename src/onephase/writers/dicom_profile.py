"""What of an MR image's header stays in a copy that can be shared: the basic profile of PS3.15 E.1 as an allow-list.

Table E.1-1 names what must go. Here stands what may stay, and everything else goes, so that a vendor's new attribute
cannot slip through: numbers of the attributes below, and values that are words of the standard. No text of a source
ever passes.
"""

from types import MappingProxyType

UIDS = frozenset({"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"})
PIXELS = frozenset({
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored",
    "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit", "SmallestImagePixelValue",
    "LargestImagePixelValue", "RescaleIntercept", "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth",
    "PresentationLUTShape", "PixelPresentation", "BurnedInAnnotation", "LossyImageCompression",
    "LossyImageCompressionRatio", "LossyImageCompressionMethod",
})  # fmt: skip
GEOMETRY = frozenset({
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "SliceLocation", "PatientPosition", "Laterality", "ImageLaterality", "FrameLaterality", "BodyPartExamined",
    "PositionReferenceIndicator",
})  # fmt: skip
ACQUISITION = frozenset({
    "Modality", "Manufacturer", "ImageType", "FrameType", "SeriesNumber", "AcquisitionNumber", "InstanceNumber",
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
    "InversionTime", "FlipAngle", "NumberOfAverages", "ImagingFrequency", "ImagedNucleus", "EchoNumbers",
    "MagneticFieldStrength", "EchoTrainLength", "PercentSampling", "PercentPhaseFieldOfView", "PixelBandwidth",
    "AcquisitionMatrix", "InPlanePhaseEncodingDirection", "VariableFlipAngleFlag", "ReconstructionDiameter",
    "NumberOfPhaseEncodingSteps", "ContrastBolusAgent",
})  # fmt: skip
ENHANCED = frozenset({
    # Of the object and its frames
    "ContentQualification", "ApplicableSafetyStandardAgency", "ResonantNucleus", "AcquisitionDuration",
    "VolumetricProperties", "VolumeBasedCalculationTechnique", "ComplexImageComponent", "AcquisitionContrast",
    "AcquisitionContextSequence", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "FrameContentSequence", "FrameAcquisitionNumber", "FrameAcquisitionDuration", "PlanePositionSequence",
    "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence",
    "FrameAnatomySequence", "AnatomicRegionSequence", "MRImageFrameTypeSequence",
    # Of the pulse sequence
    "PulseSequenceName", "EchoPulseSequence", "MultiPlanarExcitation", "PhaseContrast", "TimeOfFlightContrast",
    "SteadyStatePulseSequence", "EchoPlanarPulseSequence", "SaturationRecovery", "SpectrallySelectedSuppression",
    "OversamplingPhase", "GeometryOfKSpaceTraversal", "SegmentedKSpaceTraversal", "KSpaceFiltering",
    "RectilinearPhaseEncodeReordering", "NumberOfKSpaceTrajectories", "CoverageOfKSpace",
    "MRTimingAndRelatedParametersSequence", "RFEchoTrainLength", "GradientEchoTrainLength", "MREchoSequence",
    "EffectiveEchoTime", "MRFOVGeometrySequence", "MRAcquisitionFrequencyEncodingSteps",
    "MRAcquisitionPhaseEncodingStepsInPlane", "MRAcquisitionPhaseEncodingStepsOutOfPlane", "MRAveragesSequence",
    "MRModifierSequence", "InversionRecovery", "FlowCompensation", "FlowCompensationDirection", "Spoiling",
    "T2Preparation", "SpectrallySelectedExcitation", "SpatialPresaturation", "ParallelAcquisition",
    "ParallelAcquisitionTechnique", "ParallelReductionFactorInPlane", "ParallelReductionFactorOutOfPlane",
    "ParallelReductionFactorSecondInPlane", "PartialFourier", "PartialFourierDirection", "MRImagingModifierSequence",
    "MagnetizationTransfer", "BloodSignalNulling", "Tagging", "TransmitterFrequency",
    "OperatingModeSequence", "OperatingModeType", "OperatingMode", "GradientOutputType", "GradientOutput",
    "SpecificAbsorptionRateSequence", "SpecificAbsorptionRateDefinition", "SpecificAbsorptionRateValue",
    # Of coils, whose names are replaced
    "MRReceiveCoilSequence", "ReceiveCoilName", "ReceiveCoilManufacturerName", "ReceiveCoilType",
    "QuadratureReceiveCoil", "MultiCoilDefinitionSequence", "MultiCoilElementName", "MultiCoilElementUsed",
    "MRTransmitCoilSequence", "TransmitCoilName", "TransmitCoilManufacturerName", "TransmitCoilType",
    # Type 1 in the object, and dummies
    "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "ContentDate", "ContentTime",
    "AcquisitionDateTime", "FrameAcquisitionDateTime", "FrameReferenceDateTime",
})  # fmt: skip
KEPT = UIDS | PIXELS | GEOMETRY | ACQUISITION | ENHANCED
"""Attributes that stay, by keyword, in sequences too; their values by the rules of this module."""

EMPTIED = frozenset({
    "ContrastBolusAgent", "PositionReferenceIndicator", "ReceiveCoilManufacturerName", "TransmitCoilManufacturerName",
    "AcquisitionContextSequence",
})  # fmt: skip
"""Kept without a value, where the source has them; all may be empty (type 2)."""
OTHERWISE = frozenset({"ImageType", "FrameType", "Manufacturer", "SpecificAbsorptionRateDefinition"})
"""Where ``OTHER`` stands for a value that is no term of the standard; elsewhere nothing does."""

IDENTITY = (
    "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Empty in every copy (action Z); name and number of the patient are the pseudonym."""

REMOVED, OTHER = "REMOVED", "OTHER"
DATE, TIME = "19000101", "000000"
DUMMIES = MappingProxyType({
    "ContentDate": DATE,
    "ContentTime": TIME,
    **dict.fromkeys(("AcquisitionDateTime", "FrameAcquisitionDateTime", "FrameReferenceDateTime"), DATE + TIME),
    **dict.fromkeys(("ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "PulseSequenceName"), REMOVED),
    **dict.fromkeys(("ReceiveCoilName", "TransmitCoilName", "MultiCoilElementName"), REMOVED),
})  # fmt: skip
"""What stands in place of a value that the standard wants (action D), where the source has one."""

_TERMS = """
MR MONOCHROME2 MONOCHROME IDENTITY US YES NO NONE Y N L R B U OTHER UNKNOWN MIXED RESEARCH PRODUCT SERVICE
ORIGINAL DERIVED PRIMARY SECONDARY M W WATER MAGNITUDE REAL VOLUME SAMPLED 00 01 ISO_10918_1 ISO_14495_1 ISO_15444_1
BREAST CHEST THORAX HFS HFP FFS FFP HFDL HFDR FFDL FFDR 2D 3D ROW COLUMN H1 1H SE IR GR EP RM SK MTC SS TRSS SP MP OSP
PER RG CG PPG FC PFF PFP FS T1 T2 PROTON_DENSITY SPIN GRADIENT BOTH FREE_PRECESSION TRANSVERSE TIME_REVERSED
LONGITUDINAL FAT FAT_AND_WATER SILICON_GEL RECTILINEAR RADIAL SPIRAL SINGLE PARTIAL FULL ELLIPTICAL WEDGE LINEAR
CENTRIC SEGMENTED REVERSE_LINEAR REVERSE_CENTRIC RIESZ HAMMING 2D_PHASE 3D_PHASE 2D_3D RF GRADIENT_SPOILED
RF_AND_GRADIENT SLAB SENSE SMASH PILS PHASE FREQUENCY COMBINATION SLICE_SELECT IEC FDA MHW IEC_NORMAL IEC_FIRST_LEVEL
IEC_SECOND_LEVEL PER_NERVE_STIM DB_DT ELECTRIC_FIELD IEC_WHOLE_BODY IEC_PARTIAL_BODY IEC_HEAD IEC_LOCAL BODY HEAD
SURFACE MULTICOIL EXTREMITY SIEMENS Siemens Philips TOSHIBA TOSHIBA_MEC CANON_MEC Hitachi UIH
"""
TERMS = frozenset(_TERMS.split()) | {
    "STATIC FIELD", "GE MEDICAL SYSTEMS", "Siemens Healthineers", "Philips Medical Systems", "Philips Healthcare",
}  # fmt: skip
"""Defined terms and enumerated values, and makers of scanners: text that stays in whatever kept attribute it stands."""

REGIONS = MappingProxyType({
    ("SCT", "76752008"): "Breast",
    ("SRT", "T-04000"): "Breast",
    ("SCT", "816094009"): "Chest",
    ("SRT", "T-D3000"): "Chest",
})  # fmt: skip
"""Codes of body regions that stay, with the meaning that is written for them (PS3.16 CID 4030)."""

METHOD = "onephase: allow-list by PS3.15, pixel values as they were"
STACK = "1"
VERSION_NAME = "ONEPHASE"
PROFILE = ("113100", "DCM", "Basic Application Confidentiality Profile")


def own_words() -> frozenset[str]:
    """Return every text that a copied header can hold, pseudonyms, numbers and UIDs apart."""
    codes = {part for scheme, value in REGIONS for part in (scheme, value)}
    return TERMS | {*DUMMIES.values(), *REGIONS.values(), *codes, METHOD, *PROFILE, VERSION_NAME, REMOVED, STACK}
