using Postern.Mta.Store;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string SettingsServer => "서버";
    public override string SettingsVersion => "버전";
    public override string SettingsUptime => "가동 시간";
    public override string SettingsData => "데이터 디렉터리";
    public override string SettingsDisk => "디스크 여유 공간";
    public override string SettingsHealth => "저장소";

    public override string NameOf(StoreHealth health) => health switch
    {
        StoreHealth.Accepting => "메일 접수 중",
        StoreHealth.Full => "가득 참: 새 메일을 받지 않음",
        _ => "장애: 메일을 접수하지 않음",
    };

    public override string SettingsCertificate => "인증서 만료";
    public override string SettingsCertificateEnded => "만료됨";
    public override string SettingsListeners => "리스너";
    public override string SettingsListener => "리스너";
    public override string SettingsFor => "용도";
    public override string SettingsTls => "TLS";
    public override string SettingsEffective => "적용 중인 설정";
    public override string SettingsEffectiveMeans =>
        "비밀 값은 참조로만 표시합니다. 명령이나 API로 만든 계정, 도메인, 라우트는 저장소에 있으며 각 페이지에서 볼 수 있습니다.";
    public override string SettingsDefault => "기본값";
    public override string SettingsSource => "출처";
    public override string SettingsSourceName(bool isSet) => isSet ? "설정 파일" : "기본값";
    public override string SettingsSearch => "키 또는 값 찾기";
    public override string SettingsChangedOnly => "기본값과 다른 항목만";
    public override string SettingsNothing => "일치하는 설정이 없습니다.";
    public override string SettingsCut(int count) =>
        $"처음 {Number(count)}개만 표시합니다. 나머지는 검색하세요.";
    public override string SettingsHead => "일반";
    public override string SettingsReload => "설정 다시 읽기";
    public override string NeedsRestart => "다음 키는 재시작해야 적용됩니다:";
}
