using Postern.Mta.Store;

namespace Postern.Dashboard;

abstract partial class Words
{
    public abstract string SettingsServer { get; }
    public abstract string SettingsVersion { get; }
    public abstract string SettingsUptime { get; }
    public abstract string SettingsData { get; }
    public abstract string SettingsDisk { get; }
    public abstract string SettingsHealth { get; }
    public abstract string NameOf(StoreHealth health);
    public abstract string SettingsCertificate { get; }
    public abstract string SettingsCertificateEnded { get; }
    public abstract string SettingsListeners { get; }
    public abstract string SettingsListener { get; }
    public abstract string SettingsFor { get; }
    public abstract string SettingsTls { get; }
    public abstract string SettingsEffective { get; }
    public abstract string SettingsEffectiveMeans { get; }
    public abstract string SettingsDefault { get; }
    public abstract string SettingsSource { get; }
    public abstract string SettingsSourceName(bool isSet);
    public abstract string SettingsSearch { get; }
    public abstract string SettingsChangedOnly { get; }
    public abstract string SettingsNothing { get; }
    public abstract string SettingsCut(int count);
    public abstract string SettingsHead { get; }
    public abstract string SettingsReload { get; }
    public abstract string NeedsRestart { get; }
}
